#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mq_gateway::fuzzing::run("receipt_handles", data));
