//! NumPy's arrays: `.npy` files, alone or in the zip archive of an `.npz`. The format is NumPy's NEP 1: a magic number, a version, and a header
//! that is the literal of a Python dict with three keys, then the numbers.
//!
//! The crates that read it bring a parser of all Python literals with them, over 100 KB; these three keys need a page.

use super::DatasetError;
use super::array::{Array, Kind, Number};
use super::gzip::{Source, Unpacked};

const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself refuses longer headers.
const HEADER_LIMIT_BYTES: u64 = 10_000;
const N_DIMS_LIMIT: usize = 8;

pub fn is_npy(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Reads the header of an array.
///
/// # Errors
///
/// If the header is malformed, truncated or too long, or the numbers are of a type or in an order that cannot be read.
pub fn open<'a>(file: &str, source: Source<'a>) -> Result<Array<'a>, DatasetError> {
    let bad = |detail: String| DatasetError::BadArray { file: file.to_owned(), detail };
    let mut body = Unpacked::of(file, source);
    let magic: [u8; 6] = body.read_array()?;
    let [major, _minor] = body.read_array()?;
    if magic != MAGIC || !(1..=3).contains(&major) {
        return Err(bad("a NumPy array of an unknown version".to_owned()));
    }
    let (length_bytes, length) = match major {
        1 => (2, u16::from_le_bytes(body.read_array()?).into()),
        _ => (4, u32::from_le_bytes(body.read_array()?).into()),
    };
    if length > HEADER_LIMIT_BYTES {
        return Err(bad(format!("the header has {length} bytes")));
    }
    let mut header = Vec::new();
    body.append_exactly(length, &mut header)?;
    let header = String::from_utf8_lossy(&header);
    let [kind, order, dims] = ["descr", "fortran_order", "shape"].map(|key| value(&header, key));
    let kind = text(kind).ok_or_else(|| bad("its header names no type of number".to_owned()))?;
    let number = number(kind).ok_or_else(|| bad(format!("its numbers are of type {kind:?}; save them as uint8")))?;
    let dims = dims.and_then(tuple).ok_or_else(|| bad("its header names no shape".to_owned()))?;
    if order.is_none_or(|order| !order.starts_with("False")) && dims.len() > 1 {
        return Err(bad("it is in Fortran's order; save numpy.ascontiguousarray(…) of it".to_owned()));
    }
    Ok(Array { file: file.to_owned(), number, dims, header_bytes: 8 + length_bytes + length, source })
}

/// What follows a key of the header.
fn value<'h>(header: &'h str, key: &str) -> Option<&'h str> {
    let after = [format!("'{key}'"), format!("\"{key}\"")].iter().find_map(|key| Some(header.split_once(key)?.1))?;
    Some(after.trim_start().strip_prefix(':')?.trim_start())
}

/// A text in quotes.
fn text(value: Option<&str>) -> Option<&str> {
    let value = value?;
    let quote = value.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    value.get(1..)?.split_once(quote).map(|(text, _)| text)
}

/// Whole numbers in parentheses.
fn tuple(value: &str) -> Option<Vec<u64>> {
    let (inside, _) = value.strip_prefix('(')?.split_once(')')?;
    let parts: Vec<_> = inside.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() > N_DIMS_LIMIT {
        return None;
    }
    // Python 2 wrote long numbers as 10L.
    parts.iter().map(|part| part.trim_end_matches('L').parse().ok()).collect()
}

/// A type as NumPy writes it: byte order, kind, bytes.
fn number(text: &str) -> Option<Number> {
    let order = text.chars().next()?;
    let kind = match text.strip_prefix(['<', '>', '|', '=']).unwrap_or(text) {
        "b1" | "?" => Kind::Bool,
        "u1" | "B" => Kind::U8,
        "i1" | "b" => Kind::I8,
        "u2" => Kind::U16,
        "i2" => Kind::I16,
        "u4" => Kind::U32,
        "i4" => Kind::I32,
        "u8" => Kind::U64,
        "i8" => Kind::I64,
        "f4" => Kind::F32,
        "f8" => Kind::F64,
        _ => return None,
    };
    Some(Number { kind, is_big_endian: order == '>' })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str) -> Vec<u8> {
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat()
    }

    fn read(header: &str) -> Result<(Number, Vec<u64>, u64), DatasetError> {
        let bytes = npy(header);
        open("f", Source::File(&bytes)).map(|array| (array.number, array.dims, array.header_bytes))
    }

    #[test]
    fn headers_as_numpy_writes_them_are_read() {
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }     \n";
        let number = |kind, is_big_endian| Number { kind, is_big_endian };
        let expected = (number(Kind::U8, false), vec![60_000, 28, 28], 10 + header.len() as u64);
        assert_eq!(read(header).unwrap(), expected);
        let header = "{'descr': '>f8', 'fortran_order': True, 'shape': (7,)}";
        assert_eq!(read(header).unwrap(), (number(Kind::F64, true), vec![7], 10 + header.len() as u64));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let check = |header: &str, expected: &str| {
            let error = read(header).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2, 2)}", "\"<f2\"");
        check("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 2, 2)}", "Fortran");
        check("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "no type");
        check("{'descr': '|u1', 'fortran_order': False}", "no shape");
        check("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 2)}", "no shape");
        check("", "no type");
        let cut = npy("{'descr': '|u1'}");
        assert!(matches!(open("f", Source::File(&cut[..12])), Err(DatasetError::Truncated { .. })));
    }
}
