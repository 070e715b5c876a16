use super::super::*;
use crate::model::UnixMillis;

#[test]
fn authorizations() {
    let check = |value, access_key, signature| {
        assert_eq!(decode_authorization(value), Ok(Authorization { access_key, signature }), "{value}");
    };
    check("MQ ak:c2ln", "ak", "c2ln");
    check("MQ a:k:c2ln=", "a:k", "c2ln=");
    for bad in ["", "MQ", "MQ ", "MQ ak", "MQ :sig", "MQ ak:", "MQ  ak:sig", "mq ak:sig", "MNS ak:sig", "ak:sig"] {
        assert_eq!(decode_authorization(bad), Err(Refusal::InvalidAuthorizationHeader), "{bad:?}");
    }
    let shown = format!("{:?}", decode_authorization("MQ ak:topsecret").unwrap());
    assert!(shown.contains("ak") && !shown.contains("topsecret"), "{shown}");
}

#[test]
fn dates_in_both_directions() {
    let check = |text: &str, millis| {
        assert_eq!(decode_date(text), Ok(UnixMillis(millis)), "{text}");
        assert_eq!(encode_date(UnixMillis(millis)), text);
    };
    check("Wed, 07 Mar 2012 18:49:58 GMT", 1_331_146_198_000);
    check("Thu, 01 Jan 1970 00:00:00 GMT", 0);
    check("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199_000);
    assert_eq!(encode_date(UnixMillis(1_331_146_198_999)), "Wed, 07 Mar 2012 18:49:58 GMT");
    assert_eq!(encode_date(UnixMillis(u64::MAX)).len(), 29);
}

#[test]
fn other_dates_are_refused() {
    for bad in [
        "",
        "Wed, 07 Mar 2012 18:49:58 UTC",
        "Wed, 07 Mar 2012 18:49:58 +0000",
        "Wed, 7 Mar 2012 18:49:58 GMT",
        "Tue, 07 Mar 2012 18:49:58 GMT",
        "Wed, 07 Mrz 2012 18:49:58 GMT",
        "Thu, 30 Feb 2012 18:49:58 GMT",
        "Wed, 07 Mar 2012 25:49:58 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "2012-03-07T18:49:58.000000000Z",
        "Wednesday, 07-Mar-12 18:49 GMT",
        "周三, 07 三月 2012 18:4 GMT",
    ] {
        assert_eq!(decode_date(bad), Err(Refusal::InvalidDateHeader), "{bad:?}");
    }
}
