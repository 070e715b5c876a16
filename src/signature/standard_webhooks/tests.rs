//! What the official libraries of four languages sign and accept (`tests/fixtures/push-vectors.json`).

use serde_json::Value;

use super::*;

fn vectors(kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../../tests/fixtures/push-vectors.json")).unwrap();
    file["webhooks"][kind].as_array().unwrap().clone()
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{vector} has no {field}"))
}

fn body(vector: &Value) -> Vec<u8> {
    if let Some(text) = vector["body_utf8"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(encoded) = vector["body_base64"].as_str() {
        return STANDARD.decode(encoded).unwrap();
    }
    let parts = vector["body_parts"].as_array().unwrap().iter().map(|part| match part.as_str() {
        Some(text) => text.to_owned(),
        None => text(part, "repeat").repeat(usize::try_from(part["times"].as_u64().unwrap()).unwrap()),
    });
    parts.collect::<String>().into_bytes()
}

/// The secret of a vector, also in the forms that we do not read from files.
fn secret(vector: &Value) -> WebhookSecret {
    let text = text(vector, "secret");
    let encoded = text.strip_prefix("whsec_").unwrap_or(text);
    WebhookSecret::of_bytes(&STANDARD.decode(encoded).unwrap())
}

#[test]
fn we_sign_as_the_libraries_do() {
    let vectors = vectors("sign");
    assert_eq!(vectors.len(), 34);
    let (mut signed, mut read) = (0, 0);
    for vector in &vectors {
        let name = text(vector, "name");
        if vector["expect"] == "refuse" {
            // Files end with a line end, which one library takes for a part of the secret.
            let is_of_a_file = name == "secret-trailing-newline";
            assert_eq!(WebhookSecret::parse(text(vector, "secret").as_bytes()).is_ok(), is_of_a_file, "{name}");
            continue;
        }
        let (id, time) = (text(vector, "webhook_id"), vector["webhook_timestamp"].as_u64().unwrap());
        let expected = Some(text(vector, "expect"));
        let secret = secret(vector);
        let signature = sign([&secret], id, time, &body(vector));
        assert_eq!(signature.as_ref().map(WebhookSignature::as_str), expected, "{name}");
        signed += 1;
        if let Ok(parsed) = WebhookSecret::parse(text(vector, "secret").as_bytes()) {
            assert!(parsed.same_as(&secret), "{name}");
            read += 1;
        }
    }
    assert!(signed >= 27 && read >= 20 && signed > read, "{signed} {read}");
}

#[test]
fn we_take_what_all_libraries_take_and_nothing_else() {
    let vectors = vectors("verify");
    assert_eq!(vectors.len(), 47);
    let mut verdicts = [0, 0, 0];
    for vector in &vectors {
        let headers = vector["headers"].as_object().unwrap();
        let header = |name: &str| {
            let is_it = |header: &(&String, &Value)| header.0.eq_ignore_ascii_case(name);
            headers.iter().find(is_it).and_then(|(_, value)| value.as_str())
        };
        let body = body(vector);
        let signed = Signed {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
            body: &body,
        };
        let result = verify([&secret(vector)], &signed, vector["now"].as_u64().unwrap());
        let verdict = text(vector, "verdict");
        let place = match verdict {
            "all accept" => 0,
            "all refuse" => 1,
            other => {
                assert!(other.starts_with("libraries differ"), "{other}");
                2
            }
        };
        verdicts[place] += 1;
        if place == 0 {
            assert_eq!(result, Ok(()), "{vector}");
        } else if place == 1 {
            assert!(result.is_err(), "{vector}");
        }
    }
    assert!(verdicts.iter().all(|count| *count >= 5), "{verdicts:?}");
}

#[test]
fn what_libraries_read_differently_is_never_written() {
    let secrets = ["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM="];
    let secrets = secrets.map(|text| WebhookSecret::parse(text.as_bytes()).unwrap());
    let signature = sign(&secrets, "billing-7F0001", 1_700_000_000, b"{}").unwrap();
    let entries: Vec<&str> = signature.as_str().split(' ').collect();
    assert_eq!(entries.len(), 2);
    for (entry, secret) in entries.iter().zip(&secrets) {
        assert_eq!(sign([secret], "billing-7F0001", 1_700_000_000, b"{}").unwrap().as_str(), *entry);
        let signed = |signature| Signed {
            id: Some("billing-7F0001"),
            timestamp: Some("1700000000"),
            signature: Some(signature),
            body: b"{}",
        };
        assert_eq!(verify([secret], &signed(signature.as_str()), 1_700_000_300), Ok(()));
        assert_eq!(verify([secret], &signed(signature.as_str()), 1_700_000_301), Err(Refused::TooOld));
        assert_eq!(verify([secret], &signed(signature.as_str()), 1_699_999_699), Err(Refused::TooNew));
    }
    assert_eq!(sign([], "a", 1, b""), None);
}

#[test]
fn a_secret_has_one_form_and_is_not_shown() {
    let good = "whsec_CANARYCANARYCANARYCANARYCANARYCA";
    for text in [good.to_owned(), format!("{good}\n"), format!("{good}\r\n")] {
        let secret = WebhookSecret::parse(text.as_bytes()).unwrap();
        assert_eq!(format!("{secret:?}"), "WebhookSecret([redacted])");
    }
    for (text, error) in [
        (String::new(), WebhookSecretError::Empty),
        ("\n".to_owned(), WebhookSecretError::Empty),
        ("CANARYCANARYCANARYCANARYCANARYCA".to_owned(), WebhookSecretError::Prefix),
        (good.replace("whsec", "WHSEC"), WebhookSecretError::Prefix),
        (format!(" {good}"), WebhookSecretError::Prefix),
        (good.replace("whsec", "whsk"), WebhookSecretError::Asymmetric),
        (good.replace("whsec", "whpk"), WebhookSecretError::Asymmetric),
        (format!("{good}\n\n"), WebhookSecretError::Base64),
        (format!("{good} "), WebhookSecretError::Base64),
        (format!("{good}A"), WebhookSecretError::Base64),
        (good.replace("CANARYCA", "CANARY-_"), WebhookSecretError::Base64),
        ("whsec_CANARYCANARY".to_owned(), WebhookSecretError::Length { actual: 9 }),
        (format!("whsec_{}", "CANARYAA".repeat(11)), WebhookSecretError::Length { actual: 66 }),
    ] {
        let refused = WebhookSecret::parse(text.as_bytes()).unwrap_err();
        assert_eq!(refused, error, "{text:?}");
        assert!(!format!("{refused} {refused:?}").contains("CANARY"));
    }
    assert_eq!(WebhookSecret::raw(b"short").unwrap_err(), WebhookSecretError::RawLength { actual: 5 });
    assert_eq!(WebhookSecret::raw(b"").unwrap_err(), WebhookSecretError::Empty);
    let raw = WebhookSecret::raw(
        b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\n",
    );
    let encoded = WebhookSecret::parse(b"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").unwrap();
    assert!(raw.unwrap().same_as(&encoded));
    assert!(!WebhookSecret::parse(good.as_bytes()).unwrap().same_as(&encoded));
}

#[test]
fn secrets_have_bounds() {
    for (bytes, is_good) in [(23, false), (24, true), (63, true), (64, true), (65, false)] {
        let text = format!("whsec_{}", STANDARD.encode(vec![1; bytes]));
        let expected = if is_good { None } else { Some(WebhookSecretError::Length { actual: bytes }) };
        assert_eq!(WebhookSecret::parse(text.as_bytes()).err(), expected, "{bytes}");
    }
    for (bytes, is_good) in [(15, false), (16, true), (1024, true), (1025, false)] {
        let expected = if is_good { None } else { Some(WebhookSecretError::RawLength { actual: bytes }) };
        assert_eq!(WebhookSecret::raw(&vec![1; bytes]).err(), expected, "{bytes}");
    }
}

/// Vectors say that it is refused; people want to know why.
#[test]
fn a_refusal_names_its_reason() {
    let secret = WebhookSecret::parse(b"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").unwrap();
    let made = sign([&secret], "a", 1000, b"{}").unwrap();
    assert_eq!(format!("{made:?}"), "WebhookSignature([redacted])");
    let good = made.as_str();
    let (twice, joined, foreign) = (format!("{good} {good}"), format!("{good},{good}"), good.replace("v1,", "v1a,"));
    let check = |id, timestamp, signature, expected| {
        let signed = Signed { id, timestamp, signature, body: b"{}" };
        assert_eq!(verify([&secret], &signed, 1000), expected, "{signed:?}");
    };
    let (id, time) = (Some("a"), Some("1000"));
    check(id, time, Some(good), Ok(()));
    check(id, time, Some(&twice), Ok(()));
    check(None, time, Some(good), Err(Refused::Missing("webhook-id")));
    check(Some(""), time, Some(good), Err(Refused::Missing("webhook-id")));
    check(id, None, Some(good), Err(Refused::Missing("webhook-timestamp")));
    check(id, time, Some(""), Err(Refused::Missing("webhook-signature")));
    check(id, Some("1000.5"), Some(good), Err(Refused::Timestamp));
    check(id, Some("1301"), Some(good), Err(Refused::TooNew));
    check(id, Some("699"), Some(good), Err(Refused::TooOld));
    check(id, time, Some("v1"), Err(Refused::Malformed));
    check(id, time, Some(&joined), Err(Refused::Malformed));
    check(id, time, Some(&foreign), Err(Refused::NoMatch));
    check(Some("b"), time, Some(good), Err(Refused::NoMatch));
}

#[test]
fn an_id_tells_subscription_and_message() {
    assert_eq!(webhook_id("billing", "orders", "7F0000010000"), "billing-7F0000010000");
    let longest = "x".repeat(200);
    assert_eq!(webhook_id("billing", "orders", &longest), format!("billing-{longest}"));
    for id in ["", "a.b", "a b", "ü", "a\u{7f}", &"x".repeat(201)] {
        let made = webhook_id("billing", "orders", id);
        let digest = made.strip_prefix("billing-msg_").unwrap();
        assert_eq!(digest.len(), 43, "{made}");
        assert!(digest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{made}");
        assert_eq!(made, webhook_id("billing", "orders", id));
        for other in
            [webhook_id("billin", "gorders", id), webhook_id("billing", "order", id), webhook_id("x", "orders", id)]
        {
            assert_ne!(made, other);
        }
    }
    // printf 'billing\0orders\0a.b' | openssl dgst -sha256 -binary | base64, with - and _ and without =
    assert_eq!(webhook_id("billing", "orders", "a.b"), "billing-msg_dc78LH_FDcVrairi2_vlHm64kTEo3bzVS3Stp8EnYM0");
}
