//! The header of a `.npy` file: which numbers follow, and in which shape.
//!
//! It is the text of a Python dictionary, `{'descr': '<f8', 'fortran_order': False, 'shape': (2048,), }` (NumPy enhancement
//! proposal 1, "A Simple File Format for NumPy Arrays"). Of Python only what such headers hold is understood.

use std::io::Read;

const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header that is read; NumPy itself trusts no longer ones.
const LONGEST: usize = 10_000;
/// The most axes of an array in NumPy.
const MOST_AXES: usize = 64;

/// What the numbers of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    /// 8 or 4 bytes each.
    pub bytes: usize,
    pub big_endian: bool,
}

/// What a header says. (The order of axes is not kept: a vector has one axis, a covariance is symmetric.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub numbers: Numbers,
    pub shape: Vec<usize>,
}

/// Reads a header; what follows in `entry` are the numbers. The error says what is wrong.
pub(super) fn read_header(entry: &mut impl Read) -> Result<Header, String> {
    let mut start = [0; 8];
    read_exact(entry, &mut start)?;
    if !start.starts_with(MAGIC) {
        return Err("it is no .npy array: write it with numpy.savez".to_string());
    }
    let length = match start[6] {
        1 => {
            let mut bytes = [0; 2];
            read_exact(entry, &mut bytes)?;
            usize::from(u16::from_le_bytes(bytes))
        }
        2 | 3 => {
            let mut bytes = [0; 4];
            read_exact(entry, &mut bytes)?;
            usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
        }
        other => return Err(format!("version {other} of the .npy format is not known, only 1 to 3: write it again")),
    };
    if length > LONGEST {
        return Err(format!("its header would have {length} bytes, more than {LONGEST}: it is damaged, copy it again"));
    }
    let mut text = vec![0; length];
    read_exact(entry, &mut text)?;
    let text =
        String::from_utf8(text).map_err(|_| "its header is no text: it is damaged, copy it again".to_string())?;
    parse(&text)
}

fn read_exact(entry: &mut impl Read, bytes: &mut [u8]) -> Result<(), String> {
    entry
        .read_exact(bytes)
        .map_err(|error| format!("its header cannot be read ({error}): it is damaged, copy it again"))
}

/// The dictionary's three values, in any order.
pub(super) fn parse(text: &str) -> Result<Header, String> {
    let mut parser = Parser { rest: text };
    let (mut numbers, mut order, mut shape) = (None, None, None);
    parser.expect("{")?;
    while !parser.accept("}") {
        let key = parser.string()?;
        parser.expect(":")?;
        match key {
            "descr" => numbers = Some(numbers_of(parser.description()?)?),
            "fortran_order" => order = Some(parser.boolean()?),
            "shape" => shape = Some(parser.tuple()?),
            other => return Err(format!("its header has the unknown key `{other}`: write it with numpy.savez")),
        }
        if !parser.accept(",") {
            parser.expect("}")?;
            break;
        }
    }
    if !parser.rest.trim().is_empty() {
        return Err(parser.unexpected("its end"));
    }
    match (numbers, order, shape) {
        (Some(numbers), Some(_), Some(shape)) => Ok(Header { numbers, shape }),
        _ => Err("its header lacks descr, fortran_order or shape: write it with numpy.savez".to_string()),
    }
}

fn numbers_of(description: &str) -> Result<Numbers, String> {
    match description {
        "<f8" => Ok(Numbers { bytes: 8, big_endian: false }),
        ">f8" => Ok(Numbers { bytes: 8, big_endian: true }),
        "<f4" => Ok(Numbers { bytes: 4, big_endian: false }),
        ">f4" => Ok(Numbers { bytes: 4, big_endian: true }),
        other => Err(format!("it holds numbers of type `{other}`: convert them with .astype(numpy.float64)")),
    }
}

/// What is left of a text; spaces and line breaks between its words do not count.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn accept(&mut self, word: &str) -> bool {
        match self.rest.trim_start().strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.accept(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}`"))) }
    }

    /// A string in single or double quotes. NumPy's keys and types need no escapes.
    fn string(&mut self) -> Result<&'a str, String> {
        for quote in ["'", "\""] {
            if self.accept(quote) {
                let (text, rest) = self.rest.split_once(quote).ok_or_else(|| self.unexpected("a closing quote"))?;
                self.rest = rest;
                return Ok(text);
            }
        }
        Err(self.unexpected("a string"))
    }

    /// The type of numbers; arrays of records have a list there.
    fn description(&mut self) -> Result<&'a str, String> {
        if self.rest.trim_start().starts_with('[') {
            return Err("it holds records, not numbers: save mu and sigma as two arrays of float64".to_string());
        }
        self.string()
    }

    fn boolean(&mut self) -> Result<bool, String> {
        if self.accept("True") {
            return Ok(true);
        }
        if self.accept("False") { Ok(false) } else { Err(self.unexpected("True or False")) }
    }

    /// Sizes in parentheses, with a comma after the last, which one size alone needs.
    fn tuple(&mut self) -> Result<Vec<usize>, String> {
        let mut sizes = Vec::new();
        self.expect("(")?;
        while !self.accept(")") {
            if sizes.len() == MOST_AXES {
                return Err(format!("its header has more than {MOST_AXES} axes: it is damaged, copy it again"));
            }
            sizes.push(self.size()?);
            if !self.accept(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(sizes)
    }

    /// A size; Python 2 wrote an L behind some.
    fn size(&mut self) -> Result<usize, String> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let size = text[..end].parse().map_err(|_| self.unexpected("a size"))?;
        self.rest = &text[end..];
        self.accept("L");
        Ok(size)
    }

    fn unexpected(&self, wanted: &str) -> String {
        let found: String = self.rest.trim_start().chars().take(20).collect();
        format!("its header has `{found}` where {wanted} should be: it is damaged, copy it again")
    }
}
