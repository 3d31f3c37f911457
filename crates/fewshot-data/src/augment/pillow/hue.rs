//! The hue of coloured images.

use crate::decode::Raster;

/// Turns the colours of an image by `shift` 255ths of the circle, as torchvision does it with Pillow: to hue, saturation and
/// value in bytes, and back. Bytes are coarse: even a shift of 0 changes some colours a little. A grey image stays as it is.
pub fn hue(image: &mut Raster, shift: u8) {
    if image.channels == 1 {
        return;
    }
    for pixel in image.pixels.as_chunks_mut::<3>().0 {
        let [hue, saturation, value] = to_hsv(*pixel);
        *pixel = to_rgb([hue.wrapping_add(shift), saturation, value]);
    }
}

/// Hue, saturation and value, each cut off to a byte.
fn to_hsv([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most == least {
        return [0, 0, most];
    }
    let span = f32::from(most - least);
    let saturation = span / f32::from(most);
    let distance = |value: u8| f32::from(most - value) / span;
    let (from_red, from_green, from_blue) = (distance(red), distance(green), distance(blue));
    // Sixths of the circle: red is at 0, green at 2, blue at 4. The sums with 2 and 4 are in `f64`.
    let sixths = if red == most {
        from_blue - from_green
    } else if green == most {
        (2.0 + f64::from(from_red) - f64::from(from_blue)) as f32
    } else {
        (4.0 + f64::from(from_green) - f64::from(from_red)) as f32
    };
    let turn = ((f64::from(sixths) / 6.0 + 1.0) % 1.0) as f32;
    // `as` cuts off at 0 and 255, and rounds towards 0.
    [(f64::from(turn) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, most]
}

fn to_rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    // Which steps are in `f32` and which in `f64` is Pillow's.
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let sixth = sixths.floor();
    let rest = (sixths - sixth) as f32;
    let share = (f64::from(saturation) / 255.0) as f32;
    let byte = |share: f64| (f64::from(value) * (1.0 - share)).round() as u8;
    let low = byte(f64::from(share));
    let falling = byte(f64::from(share * rest));
    let rising = byte(f64::from(share) * (1.0 - f64::from(rest)));
    match sixth as u8 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}
