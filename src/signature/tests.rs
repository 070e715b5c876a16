//! The arithmetic beside what is published of it, and the texts that are signed beside recorded ones.

use serde_json::Value;

use super::*;

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{vector} has no {field}"))
}

#[test]
fn hmac_is_that_of_the_rfc() {
    // RFC 2202, section 3, test case 2; the base64 is of the same bytes.
    let data = StringToSign("what do ya want for nothing?".to_owned());
    let key = SigningKey::new("Jefe");
    let (hex, base64) = ("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", "7/zfauXrL6LSdBbV8YTfnCWafHk=");
    assert_eq!(key.sign_in_hex(&data).as_str(), hex);
    let signature = key.sign(&data);
    assert_eq!((signature.as_str(), signature.as_bytes()), (base64, base64.as_bytes()));
    assert!(signature.matches(base64.as_bytes()));
    for other in ["", "7/zfauXrL6LSdBbV8YTfnCWafHk", "7/zfauXrL6LSdBbV8YTfnCWafHl=", hex] {
        assert!(!signature.matches(other.as_bytes()), "{other}");
    }
    assert!(key.same_as(&SigningKey::new("Jefe")) && !key.same_as(&SigningKey::new("jefe")));
}

#[test]
fn ons_http_signs_as_recorded() {
    let file: Value = serde_json::from_str(include_str!("../../tests/fixtures/ons-http-vectors.json")).unwrap();
    let mut seen = [0, 0, 0];
    for vector in file["vectors"].as_array().unwrap() {
        let field = |name| text(vector, name);
        let (topic, group, time) = (field("topic"), field("group"), field("time"));
        let (place, to_sign) = match field("operation") {
            "publish" => (0, ons_http::publish(topic, group, field("body_md5").as_bytes().try_into().unwrap(), time)),
            "consume" => (1, ons_http::consume(topic, group, time)),
            _ => (2, ons_http::acknowledge(topic, group, field("msg_handle"), time)),
        };
        assert_eq!(to_sign.as_str(), field("string_to_sign"), "{}", field("name"));
        assert_eq!(SigningKey::new(field("secret_key")).sign(&to_sign).as_str(), field("signature"));
        seen[place] += 1;
    }
    assert_eq!(seen, [14, 3, 3]);
    assert_eq!(ons_http::change_visibility("T", "CID", "h+/=", "30000", "1").as_str(), "T\nCID\nh+/=\n30000\n1");
    assert_eq!(body_md5_hex(b"hello mq"), *b"68b154101d0d46e4114ae2e0a11b9291");
}

#[test]
fn rocketmq_signs_as_recorded() {
    let file: Value = serde_json::from_str(include_str!("../../tests/fixtures/rocketmq5-vectors.json")).unwrap();
    let vector = &file["signature"];
    let to_sign = rocketmq::string_to_sign(text(vector, "date_time"));
    assert_eq!(to_sign.as_str(), text(vector, "date_time"));
    assert_eq!(SigningKey::new(text(vector, "secret_key")).sign_in_hex(&to_sign).as_str(), text(vector, "hex"));
}

#[test]
fn secrets_are_compared_and_not_shown() {
    let secret = Secret::new("CANARY".to_owned());
    assert_eq!(secret.expose(), "CANARY");
    assert!(secret.is(b"CANARY"));
    for other in ["", "CANAR", "CANARYY", "canary"] {
        assert!(!secret.is(other.as_bytes()), "{other}");
    }
    let credentials = Credentials {
        access_key: "CANARY".to_owned(),
        secret_key: secret.clone(),
        security_token: Some(Secret::new("CANARY of the token".to_owned())),
    };
    let pair = Pair::new(&credentials);
    assert_eq!((pair.access_key.as_str(), &pair.security_token), ("CANARY", &credentials.security_token));
    assert!(pair.signing.same_as(&SigningKey::new("CANARY")));
    let data = StringToSign("x".to_owned());
    for (shown, expected) in [
        (format!("{secret:?}"), "[redacted]"),
        (format!("{credentials:?}"), "Credentials([redacted])"),
        (format!("{pair:?}"), "Pair([redacted])"),
        (format!("{:?}", pair.signing), "SigningKey([redacted])"),
        (format!("{:?}", pair.signing.sign(&data)), "Signature([redacted])"),
        (format!("{:?}", pair.signing.sign_in_hex(&data)), "HexSignature([redacted])"),
    ] {
        assert_eq!(shown, expected);
    }
}
