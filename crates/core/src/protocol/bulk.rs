//! Bytes too large for a message's header, sent beside it as transferred buffers.

use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes sent beside a message, never inside its header. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bulk(Arc<Vec<u8>>);

impl From<Vec<u8>> for Bulk {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl Deref for Bulk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A message on the wire: a header, and the bulks that it refers to by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    pub header: Vec<u8>,
    pub bulks: Vec<Bulk>,
}

// Serde has no side channel, so the bulks of the current message are kept here while it is encoded or decoded.
thread_local! {
    static BULKS: RefCell<Vec<Bulk>> = const { RefCell::new(Vec::new()) };
}

/// Encodes a message.
///
/// # Errors
///
/// When postcard cannot serialize it.
pub fn encode<M: Serialize>(message: &M) -> Result<Envelope, postcard::Error> {
    BULKS.take();
    let header = postcard::to_stdvec(message)?;
    Ok(Envelope { header, bulks: BULKS.take() })
}

/// Decodes a message.
///
/// # Errors
///
/// When the header is not a message of this type, or refers to a bulk that is missing.
pub fn decode<M: DeserializeOwned>(envelope: Envelope) -> Result<M, postcard::Error> {
    BULKS.set(envelope.bulks);
    let message = postcard::from_bytes(&envelope.header);
    BULKS.take();
    message
}

impl Serialize for Bulk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let position = BULKS.with_borrow_mut(|bulks| {
            bulks.push(self.clone());
            bulks.len() - 1
        });
        (position as u32).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bulk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let position = u32::deserialize(deserializer)? as usize;
        BULKS
            .with_borrow(|bulks| bulks.get(position).cloned())
            .ok_or_else(|| D::Error::custom(format_args!("bulk {position} is missing")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_travels_beside_the_header() {
        let message = (1_u32, Bulk::from(vec![7; 1000]), Bulk::from(vec![8; 10]));
        let envelope = encode(&message).unwrap();
        assert_eq!(envelope.header.len(), 3);
        assert_eq!(envelope.bulks.len(), 2);
        assert_eq!(decode::<(u32, Bulk, Bulk)>(envelope).unwrap(), message);
    }

    #[test]
    fn a_missing_bulk_is_an_error() {
        let mut envelope = encode(&Bulk::from(vec![1])).unwrap();
        envelope.bulks.clear();
        assert!(decode::<Bulk>(envelope).is_err());
    }
}
