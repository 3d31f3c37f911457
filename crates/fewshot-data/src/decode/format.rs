//! What format the first bytes of an image tell: names lie more often (a `.jpg` from the web is often a WebP).

/// Formats of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Png,
    /// Read through the `image` crate: BMP, GIF (its first frame), TIFF (its first page), WebP (its first frame).
    Other(image::ImageFormat),
    /// Known, and not read.
    Unread(&'static str),
}

impl Format {
    /// So many first bytes tell the format.
    pub const TOLD_BY: usize = 32;

    pub fn of(bytes: &[u8]) -> Result<Format, String> {
        let format = match bytes {
            [] => return Err("it has no bytes".into()),
            [0xFF, 0xD8, ..] => Format::Jpeg,
            [0x89, b'P', b'N', b'G', ..] => Format::Png,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Format::Other(image::ImageFormat::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Format::Other(image::ImageFormat::WebP),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Format::Other(image::ImageFormat::Tiff),
            // Two letters are little: the length of the second header has few values.
            [b'B', b'M', _, _, _, _, _, _, _, _, _, _, _, _, 12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0, ..] => {
                Format::Other(image::ImageFormat::Bmp)
            }
            [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => Format::Unread("AVIF"),
            [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', b'e' | b'i', b'i' | b'v' | b'f', ..] => {
                Format::Unread("HEIC")
            }
            [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xFF, 0x4F, 0xFF, 0x51, ..] => Format::Unread("JPEG 2000"),
            [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Format::Unread("JPEG XL"),
            [b'8', b'B', b'P', b'S', ..] => Format::Unread("Photoshop"),
            _ => {
                return Err(format!(
                    "it is no image that is read (JPEG, PNG, WebP, BMP, GIF, TIFF): it begins with {}",
                    hex(bytes)
                ));
            }
        };
        Ok(format)
    }
}

/// The first (at most 8) bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_no_images() {
        assert!(Format::of(b"BMW cars are made in Munich, and elsewhere").is_err());
        assert!(Format::of(b"GIF is a format").is_err());
        assert!(Format::of(b"RIFF....WAVEfmt ").is_err());
        assert_eq!(Format::of(b"\0\0\0\x18ftypheic\0\0\0\0"), Ok(Format::Unread("HEIC")));
        assert_eq!(Format::of(b"\0\0\0\x1cftypavif\0\0\0\0"), Ok(Format::Unread("AVIF")));
        assert_eq!(Format::of(b"RIFF\x24\0\0\0WEBPVP8 "), Ok(Format::Other(image::ImageFormat::WebP)));
    }
}
