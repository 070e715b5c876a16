//! Each message of the fixture: read, compared field by field, and written again as the same bytes.

use prost::Message as _;

use super::super::code::KNOWN;
use super::super::wire::{
    AckMessageRequest, AckMessageResponse, Address, AddressScheme, ChangeInvisibleDurationRequest,
    ChangeInvisibleDurationResponse, ClientType, Command, Endpoints, FilterType, HeartbeatRequest, HeartbeatResponse,
    Language, MessageType, NotifyClientTerminationRequest, NotifyClientTerminationResponse, Permission,
    PublishingOrSubscription, QueryRouteRequest, QueryRouteResponse, ReceiveMessageRequest, ReceiveMessageResponse,
    Received, Resource, SendMessageRequest, SendMessageResponse, Span, TelemetryCommand, Timestamp,
};
use super::super::{Code, encode_message};
use super::{HANDLE, MESSAGE_ID, bytes, message, vectors};
use crate::model::{Key, Message, MessageGroup, MessageId, Tag, UnixMillis};

/// Reads a vector, and checks that writing gives the same bytes back.
fn read<M: prost::Message + Default>(name: &str) -> M {
    let bytes = bytes(name);
    let message = M::decode(bytes.as_slice()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(message.encode_to_vec(), bytes, "{name}");
    message
}

fn topic() -> Option<Resource> {
    Some(Resource { resource_namespace: "MQ_INST_1".into(), name: "T-normal".into() })
}

fn group() -> Option<Resource> {
    Some(Resource { resource_namespace: "MQ_INST_1".into(), name: "GID_a".into() })
}

#[test]
fn the_codes_are_those_of_the_official_client() {
    let vectors = vectors();
    let codes = vectors["codes"].as_object().unwrap();
    for code in KNOWN {
        let word = code.word().unwrap();
        assert_eq!(codes[word].as_i64(), Some(code.number().into()), "{word}");
        assert_eq!(Code::of(code.number()), *code);
    }
    assert_eq!((Code::of(40999), Code::Other(40999).word()), (Code::Other(40999), None));
    assert_eq!(Code::of(40999).number(), 40999);
}

#[test]
fn a_message_is_sent_as_the_official_client_sends_it() {
    let vectors = vectors();
    let plain = Message {
        tag: Tag::parse("TagA").ok(),
        keys: vec![Key::parse("k1").unwrap(), Key::parse("k2").unwrap()],
        properties: vec![("b".into(), "zwei".into()), ("a".into(), "1".into())],
        ..message(vectors["body"].as_str().unwrap().to_owned())
    };
    let ordered = Message { message_group: MessageGroup::parse("user 7").ok(), ..plain.clone() };
    let timed = Message { deliver_at: Some(UnixMillis(1_795_938_300_000)), ..plain.clone() };
    for (name, message) in [("send_normal", plain), ("send_fifo", ordered), ("send_delay", timed)] {
        let id = MessageId::parse(MESSAGE_ID).unwrap();
        let encoded = encode_message(&message, &id, "MQ_INST_1", UnixMillis(1_795_938_240_123));
        let expected: SendMessageRequest = read(name);
        assert_eq!(expected.messages, [encoded], "{name}");
    }
}

#[test]
fn answers_to_a_send_are_read() {
    let SendMessageResponse { status, entries } = read("send_response");
    assert_eq!(Code::of(status.unwrap().code), Code::Ok);
    let [entry] = entries.as_slice() else { panic!("one entry: {entries:?}") };
    assert_eq!((entry.message_id.as_str(), entry.offset), (MESSAGE_ID, 17));
    assert_eq!((entry.transaction_id.as_str(), entry.recall_handle.as_str()), (MESSAGE_ID, "v1 x"));
    assert_eq!(entry.status.as_ref().unwrap().code, 20000);
}

#[test]
fn a_route_is_asked_for_and_read() {
    let request: QueryRouteRequest = read("query_route_request");
    assert_eq!(request.topic, topic());
    let dialled = request.endpoints.unwrap();
    assert_eq!(dialled.scheme(), AddressScheme::DomainName);
    assert_eq!(dialled.addresses, [Address { host: "proxy.example.com".into(), port: 8081 }]);
    let QueryRouteResponse { message_queues, .. } = read("query_route_response");
    let [queue] = message_queues.as_slice() else { panic!("one queue: {message_queues:?}") };
    assert_eq!((queue.topic.clone(), queue.id, queue.permission()), (topic(), 2, Permission::ReadWrite));
    assert_eq!(queue.accept_message_types().collect::<Vec<_>>(), [MessageType::Normal, MessageType::Fifo]);
    let broker = queue.broker.clone().unwrap();
    let address = Address { host: "127.0.0.1".into(), port: 18081 };
    let endpoints = Endpoints { scheme: AddressScheme::Ipv4.into(), addresses: vec![address] };
    assert_eq!((broker.name.as_str(), broker.id, broker.endpoints), ("broker-a", 0, Some(endpoints)));
}

#[test]
fn a_receive_and_each_part_of_its_answer() {
    let request: ReceiveMessageRequest = read("receive_request");
    assert_eq!((request.group, request.batch_size, request.auto_renew), (group(), 32, false));
    assert_eq!(request.invisible_duration, Some(Span { seconds: 30, nanos: 0 }));
    assert_eq!(request.long_polling_timeout, Some(Span { seconds: 5, nanos: 0 }));
    assert_eq!(request.attempt_id.as_deref(), Some("attempt"));
    let queue = request.message_queue.unwrap();
    assert_eq!((queue.id, queue.permission(), queue.broker.unwrap().name.as_str()), (-1, Permission::Read, "broker-a"));
    let filter = request.filter_expression.unwrap();
    assert_eq!((filter.r#type(), filter.expression.as_str()), (FilterType::Tag, "*"));
    let part = |name: &str| read::<ReceiveMessageResponse>(name).content.unwrap();
    assert!(matches!(part("receive_status"), Received::Status(status) if status.code == 40401));
    let born = Timestamp { seconds: 1_795_938_240, nanos: 123_000_000 };
    assert_eq!(part("receive_timestamp"), Received::DeliveryTimestamp(born));
    let Received::Message(message) = part("receive_message") else { panic!("a message") };
    let system = message.system_properties.unwrap();
    assert_eq!((system.receipt_handle.as_deref(), system.delivery_attempt), (Some(HANDLE), Some(2)));
    assert_eq!((system.queue_id, system.queue_offset, system.born_host.as_str()), (2, Some(17), "10.0.0.7"));
}

#[test]
fn acknowledgements_and_changes() {
    let request: AckMessageRequest = read("ack_request");
    assert_eq!((request.group, request.topic), (group(), topic()));
    let entry = request.entries.first().unwrap();
    assert_eq!((entry.message_id.as_str(), entry.receipt_handle.as_str()), (MESSAGE_ID, HANDLE));
    let AckMessageResponse { status, entries } = read("ack_response");
    assert_eq!(Code::of(status.unwrap().code), Code::MultipleResults);
    let codes: Vec<_> = entries.iter().map(|entry| Code::of(entry.status.as_ref().unwrap().code)).collect();
    assert_eq!(codes, [Code::Ok, Code::InvalidReceiptHandle]);
    let request: ChangeInvisibleDurationRequest = read("change_request");
    assert_eq!((request.group, request.topic, request.receipt_handle.as_str()), (group(), topic(), HANDLE));
    assert_eq!(request.invisible_duration, Some(Span { seconds: 12, nanos: 500_000_000 }));
    assert_eq!(request.message_id, MESSAGE_ID);
    let response: ChangeInvisibleDurationResponse = read("change_response");
    assert_eq!(response.receipt_handle, format!("{HANDLE}3"));
}

#[test]
fn a_client_comes_stays_and_goes() {
    let heartbeat: HeartbeatRequest = read("heartbeat_request");
    assert_eq!((heartbeat.group.clone(), heartbeat.client_type()), (group(), ClientType::SimpleConsumer));
    let unknown: HeartbeatResponse = read("heartbeat_response");
    assert_eq!(Code::of(unknown.status.unwrap().code), Code::UnrecognizedClientType);
    assert_eq!(read::<NotifyClientTerminationRequest>("termination_request").group, group());
    assert_eq!(read::<NotifyClientTerminationResponse>("termination_response").status.unwrap().code, 20000);
    let Some(Command::Settings(settings)) = read::<TelemetryCommand>("telemetry_consumer").command else {
        panic!("settings")
    };
    assert_eq!(settings.client_type(), ClientType::SimpleConsumer);
    let agent = settings.user_agent.unwrap();
    assert_eq!((agent.language(), agent.hostname.as_str()), (Language::Rust, "gw"));
    let Some(PublishingOrSubscription::Subscription(subscription)) = settings.pub_sub else { panic!("a subscription") };
    assert_eq!(
        (subscription.group, subscription.fifo, subscription.receive_batch_size),
        (group(), Some(false), Some(32))
    );
    assert_eq!(subscription.subscriptions.first().unwrap().topic, topic());
    let producer: TelemetryCommand = read("telemetry_producer");
    let Some(Command::Settings(settings)) = producer.command else { panic!("settings") };
    assert_eq!(settings.request_timeout, Some(Span { seconds: 3, nanos: 500_000_000 }));
    let Some(PublishingOrSubscription::Publishing(publishing)) = settings.pub_sub else { panic!("publishing") };
    assert_eq!((publishing.topics, publishing.max_body_size), (vec![topic().unwrap()], 4 << 20));
    assert!(publishing.validate_message_type);
}

/// A server sends commands that we do not know, and fields of later versions.
#[test]
fn what_is_not_known_is_skipped() {
    // Field 6, a command to print a stack: tag 0x32, two bytes.
    let unknown = TelemetryCommand::decode([0x32, 0x02, 0x0a, 0x00].as_slice()).unwrap();
    assert_eq!(unknown, TelemetryCommand::default());
    let mut later = bytes("heartbeat_response");
    later.extend([0xf8, 0x07, 0x01]);
    assert_eq!(HeartbeatResponse::decode(later.as_slice()).unwrap().status.unwrap().code, 40015);
}
