//! FlatBuffers, read without a schema and without trust: every access is checked.

/// A table of a FlatBuffer.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    /// The root of a file with this identifier.
    pub fn root(bytes: &'a [u8], identifier: &[u8; 4]) -> Result<Self, String> {
        if bytes.get(4..8) != Some(&identifier[..]) {
            return Err("it has another identifier".to_owned());
        }
        Ok(Self { bytes, at: follow(bytes, 0)? })
    }

    /// Where a field is; none if it has its default.
    fn field(&self, number: usize) -> Result<Option<usize>, String> {
        let back = i64::from(i32::from_le_bytes(array(self.bytes, self.at)?));
        let layout = usize::try_from(self.at as i64 - back).map_err(|_| cut())?;
        let size = usize::from(u16::from_le_bytes(array(self.bytes, layout)?));
        let place = 4 + 2 * number;
        if place + 2 > size {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(array(self.bytes, layout + place)?));
        Ok((offset > 0).then(|| self.at + offset))
    }

    pub fn int(&self, number: usize, default: i32) -> Result<i32, String> {
        self.field(number)?.map_or(Ok(default), |at| Ok(i32::from_le_bytes(array(self.bytes, at)?)))
    }

    pub fn byte(&self, number: usize) -> Result<u8, String> {
        self.field(number)?.map_or(Ok(0), |at| self.bytes.get(at).copied().ok_or_else(cut))
    }

    pub fn float(&self, number: usize, default: f32) -> Result<f32, String> {
        self.field(number)?.map_or(Ok(default), |at| Ok(f32::from_le_bytes(array(self.bytes, at)?)))
    }

    pub fn table(&self, number: usize) -> Result<Option<Self>, String> {
        let at = self.field(number)?;
        at.map(|at| Ok(Self { bytes: self.bytes, at: follow(self.bytes, at)? })).transpose()
    }

    /// The tables of a list; empty if it is missing.
    pub fn tables(&self, number: usize) -> Result<Vec<Self>, String> {
        let elements = self.elements(number, 4)?;
        let places = (0..elements.len() / 4).map(|index| self.place_of(elements) + 4 * index);
        places.map(|at| Ok(Self { bytes: self.bytes, at: follow(self.bytes, at)? })).collect()
    }

    pub fn ints(&self, number: usize) -> Result<Vec<i32>, String> {
        let (numbers, _) = self.elements(number, 4)?.as_chunks::<4>();
        Ok(numbers.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect())
    }

    pub fn floats(&self, number: usize) -> Result<Vec<f32>, String> {
        let (numbers, _) = self.elements(number, 4)?.as_chunks::<4>();
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    pub fn longs(&self, number: usize) -> Result<Vec<i64>, String> {
        let (numbers, _) = self.elements(number, 8)?.as_chunks::<8>();
        Ok(numbers.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
    }

    /// The bytes of a list or a text.
    pub fn bytes(&self, number: usize) -> Result<&'a [u8], String> {
        self.elements(number, 1)
    }

    fn elements(&self, number: usize, size: usize) -> Result<&'a [u8], String> {
        let Some(at) = self.field(number)? else { return Ok(&[]) };
        let at = follow(self.bytes, at)?;
        let length = u32::from_le_bytes(array(self.bytes, at)?) as usize;
        let end = length.checked_mul(size).and_then(|length| length.checked_add(at + 4)).ok_or_else(cut)?;
        self.bytes.get(at + 4..end).ok_or_else(cut)
    }

    /// Where a part of the bytes begins.
    fn place_of(&self, part: &[u8]) -> usize {
        part.as_ptr() as usize - self.bytes.as_ptr() as usize
    }
}

/// The place that the offset at a place leads to.
fn follow(bytes: &[u8], at: usize) -> Result<usize, String> {
    let offset = u32::from_le_bytes(array(bytes, at)?) as usize;
    at.checked_add(offset).filter(|&to| to < bytes.len()).ok_or_else(cut)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], String> {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or_else(cut)
}

fn cut() -> String {
    "it is cut off or damaged".to_owned()
}
