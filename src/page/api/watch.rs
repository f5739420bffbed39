//! The argument of `kindling.watch`: whether to monitor the network, and with which image. Pure.

use serde_json::Value;

use super::values::bad;
use kindling_core::protocol::{Failure, Watch};

/// Parses `true`, `false`, or `{ image }`; the image is `sample` if none is given.
pub fn watch(options: &Value, sample: Option<u32>) -> Result<Option<Watch>, Failure> {
    match options {
        Value::Bool(false) => Ok(None),
        Value::Null | Value::Bool(true) => Ok(Some(Watch { image: sample })),
        Value::Object(options) if options.keys().all(|key| key == "image") => match options.get("image") {
            None => Ok(Some(Watch { image: sample })),
            Some(image) => {
                let index = image.as_u64().and_then(|index| u32::try_from(index).ok());
                index.map(|index| Some(Watch { image: Some(index) })).ok_or_else(|| bad("image: not an image's index"))
            }
        },
        _ => Err(bad("the argument is neither true nor false nor { image }")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use kindling_core::protocol::FailureKind;

    fn check(options: Value, expected: Option<Watch>) {
        assert_eq!(watch(&options, Some(3)).unwrap(), expected, "{options}");
    }

    #[test]
    fn it_is_begun_and_ended_with_an_image_or_the_first_sample() {
        check(json!(null), Some(Watch { image: Some(3) }));
        check(json!(true), Some(Watch { image: Some(3) }));
        check(json!({}), Some(Watch { image: Some(3) }));
        check(json!({ "image": 7 }), Some(Watch { image: Some(7) }));
        check(json!(false), None);
    }

    #[test]
    fn what_is_no_image_is_refused() {
        for options in
            [json!({ "image": -1 }), json!({ "image": "7" }), json!({ "picture": 7 }), json!("yes"), json!(1)]
        {
            assert_eq!(watch(&options, None).unwrap_err().kind, FailureKind::BadConfig, "{options}");
        }
    }
}
