#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mq_gateway::fuzzing::run("ons_http_request", data));
