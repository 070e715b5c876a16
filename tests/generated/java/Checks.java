// Uses the Java client that openapi-generator makes; ../README.md says how it is run.
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import mqgateway.ApiClient;
import mqgateway.ApiException;
import mqgateway.ApiResponse;
import mqgateway.api.PublishApi;
import mqgateway.api.ReceiveApi;
import mqgateway.api.TopicsApi;
import mqgateway.model.*;

public class Checks {
    static final String TOPIC = System.getenv("MQ_TOPIC"), JOBS = System.getenv("MQ_JOBS"), GROUP = "GID_generated";
    static final ApiClient CLIENT = new ApiClient().setBasePath(System.getenv("MQ_GATEWAY_URL"));
    static final PublishApi PUBLISH = new PublishApi(CLIENT);
    static final ReceiveApi RECEIVE = new ReceiveApi(CLIENT);
    static final TopicsApi TOPICS = new TopicsApi(CLIENT);
    static int good, failed;

    interface Part { void run() throws Exception; }

    static void check(String what, Object actual, Object expected) {
        boolean same = Objects.equals(actual, expected);
        if (same) good++; else failed++;
        System.out.println(same ? "ok      " + what : "FAILED  " + what + ": " + actual + ", expected " + expected);
    }

    /** The problem that a call is refused with. */
    static Problem problemOf(Part call) throws Exception {
        try {
            call.run();
        } catch (ApiException error) {
            return Problem.fromJson(error.getResponseBody());
        }
        throw new AssertionError("no problem");
    }

    static Published publish(String topic, Message message) throws ApiException {
        return PUBLISH.publishMessage(topic).message(message).execute();
    }

    /** So many messages, by long polls; fewer after ten seconds. */
    static List<ReceivedMessage> received(String topic, int count) throws ApiException {
        List<ReceivedMessage> messages = new ArrayList<>();
        for (long end = System.nanoTime() + 10_000_000_000L; messages.size() < count && System.nanoTime() < end; ) {
            ReceiveRequest request = new ReceiveRequest().waitSeconds(2);
            messages.addAll(RECEIVE.receiveMessages(topic, GROUP).receiveRequest(request).execute().getMessages());
        }
        return messages;
    }

    static void discovery() throws Exception {
        TopicInfo info = TOPICS.getTopic(TOPIC).execute();
        check("a topic's protocol", info.getProtocol(), "mq-http");
        check("a topic's capabilities", List.of(info.getCapabilities().getProperties(), info.getCapabilities().getIdempotency()), List.of(true, false));
        check("a topic's limits", info.getLimits().getMaxMessageBytes(), 65536L);
        check("the list has the topic", TOPICS.listTopics().execute().getTopics().stream().anyMatch(each -> each.getTopic().equals(TOPIC)), true);
    }

    static void publishing() throws Exception {
        Message text = new Message().body("hello").tag("created").addKeysItem("order-7").addKeysItem("user-3").putPropertiesItem("source", "checks");
        Published stored = publish(TOPIC, text);
        check("a text is published", List.of(stored.getTopic(), stored.getOutcome().getValue(), stored.getAttempts()), List.of(TOPIC, "published", 1));
        check("its id is told", stored.getMessageId().isEmpty(), false);
        check("a JSON document is published", publish(TOPIC, new Message().body(Map.of("order", 7))).getOutcome(), Published.OutcomeEnum.PUBLISHED);
        ApiResponse<Published> plain = PUBLISH.publishMessage(TOPIC).message(new Message().body("only a body")).executeWithHttpInfo();
        check("a message with a body alone is published", plain.getStatusCode(), 201);
    }

    static void problems() throws Exception {
        Message wrong = new Message().body("x").delaySeconds(1).deliverAt(OffsetDateTime.parse("2026-01-01T00:00:00Z"));
        Problem problem = problemOf(() -> publish(TOPIC, wrong));
        check("its code", List.of(problem.getStatus(), problem.getCode()), List.of(422, "validation-failed"));
        check("where it is", problem.getErrors().get(0).getPointer(), "/delay_seconds");
        check("the outcome", List.of(problem.getOutcome(), problem.getRetryable()), List.of(Problem.OutcomeEnum.NOT_PUBLISHED, false));
        Problem unknown = problemOf(() -> TOPICS.getTopic("no-such-topic").execute());
        check("an unknown topic", List.of(unknown.getStatus(), unknown.getCode()), List.of(404, "unknown-topic"));
        check("no outcome where nothing is published", unknown.getOutcome(), null);
        NackRequest request = new NackRequest().addReceiptHandlesItem("v2.x");
        Problem lacking = problemOf(() -> RECEIVE.giveBackMessages(TOPIC, GROUP, request).execute());
        check("a verb that the protocol lacks", List.of(lacking.getStatus(), lacking.getCode()), List.of(501, "capability-not-supported"));
    }

    static void batch() throws Exception {
        Batch batch = new Batch().addMessagesItem(new Message().body(Map.of("line", 1))).addMessagesItem(new Message().body("x".repeat(70_000)));
        ApiResponse<BatchResults> answer = PUBLISH.publishBatch(TOPIC, batch).executeWithHttpInfo();
        BatchResult first = answer.getData().getResults().get(0), second = answer.getData().getResults().get(1);
        check("a mixed batch", List.of(answer.getStatusCode(), first.getStatus(), second.getStatus()), List.of(207, 201, 413));
        check("its published message", List.of(first.getIndex(), first.getOutcome(), first.getMessageId().isEmpty()), List.of(0, "published", false));
        check("has no problem", first.getProblem(), null);
        Problem problem = second.getProblem();
        check("its refused message", List.of(second.getIndex(), problem.getCode(), problem.getOutcome().getValue()), List.of(1, "message-too-large", "not_published"));
        check("the limit", problem.getLimit(), 65536L);
        check("has no id", second.getMessageId(), null);
    }

    static void receiving() throws Exception {
        Map<String, ReceivedMessage> messages = new TreeMap<>();
        for (ReceivedMessage message : received(TOPIC, 4)) messages.put(message.getBody(), message);
        check("the messages", List.copyOf(messages.keySet()), List.of("hello", "only a body", "{\"line\":1}", "{\"order\":7}"));
        ReceivedMessage text = messages.get("hello"), plain = messages.get("only a body");
        check("tag, keys and properties", List.of(text.getTag(), text.getKeys(), text.getProperties()), List.of("created", List.of("order-7", "user-3"), Map.of("source", "checks")));
        check("keys and properties that are not set", List.of(plain.getKeys(), plain.getProperties()), List.of(List.of(), Map.of()));
        check("a tag that is not set", plain.getTag(), null);
        check("a message group that is not set", plain.getMessageGroup(), null);
        check("the delivery", List.of(text.getEncoding().getValue(), text.getDeliveryAttempt(), text.getVisibleAgainAt().isAfter(text.getPublishedAt())), List.of("text", 1, true));
        AckRequest request = new AckRequest();
        for (ReceivedMessage message : messages.values()) request.addReceiptHandlesItem(message.getReceiptHandle());
        request.addReceiptHandlesItem("v2.damaged");
        ApiResponse<HandleResults> answer = RECEIVE.acknowledgeMessages(TOPIC, GROUP, request).executeWithHttpInfo();
        List<HandleResult> results = answer.getData().getResults();
        check("each handle has a result", results.stream().map(HandleResult::getStatus).toList(), List.of(204, 204, 204, 204, 400));
        check("of the one that failed", List.of(answer.getStatusCode(), results.get(4).getProblem().getCode()), List.of(207, "invalid-receipt-handle"));
        check("of one that was done", results.get(0).getReceiptHandle(), request.getReceiptHandles().get(0));
        check("which has no problem", results.get(0).getProblem(), null);
    }

    static void changing() throws Exception {
        publish(JOBS, new Message().body("job"));
        ReceivedMessage job = received(JOBS, 1).get(0);
        ExtendRequest extend = new ExtendRequest().addReceiptHandlesItem(job.getReceiptHandle()).visibilityTimeoutSeconds(600);
        ChangeResult kept = RECEIVE.extendMessages(JOBS, GROUP, extend).execute().getResults().get(0);
        check("a delivery is kept longer", List.of(kept.getStatus(), kept.getVisibleAgainAt().isAfter(job.getVisibleAgainAt())), List.of(204, true));
        NackRequest nack = new NackRequest().addReceiptHandlesItem(kept.getReceiptHandle());
        ChangeResult back = RECEIVE.giveBackMessages(JOBS, GROUP, nack).execute().getResults().get(0);
        check("a delivery is given back", back.getStatus(), 204);
        ReceivedMessage again = received(JOBS, 1).get(0);
        check("and comes again", List.of(again.getMessageId(), again.getDeliveryAttempt()), List.of(job.getMessageId(), 2));
        AckRequest request = new AckRequest().addReceiptHandlesItem(again.getReceiptHandle());
        check("and is done", RECEIVE.acknowledgeMessages(JOBS, GROUP, request).execute().getResults().get(0).getStatus(), 204);
    }

    static void attempt(String name, Part part) {
        try {
            part.run();
        } catch (Exception | AssertionError error) {
            failed++;
            System.out.println("FAILED  " + name + ": " + error);
            error.printStackTrace(System.out);
        }
    }

    public static void main(String[] arguments) {
        attempt("discovery", Checks::discovery);
        attempt("publishing", Checks::publishing);
        attempt("problems", Checks::problems);
        attempt("batch", Checks::batch);
        attempt("receiving", Checks::receiving);
        attempt("changing", Checks::changing);
        System.out.println(good + " checks good, " + failed + " failed");
        System.exit(failed == 0 && good > 0 ? 0 : 1); // the HTTP client's threads would wait a minute
    }
}
