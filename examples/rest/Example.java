// Publishes one message, receives it, acknowledges it. Java 11 or newer, no library.
//
//     GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing java Example.java

import java.io.IOException;
import java.net.URI;
import java.net.http.*;
import java.time.*;
import java.util.regex.*;

class Example {
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static final String API = env("GATEWAY_URL", "http://127.0.0.1:8080") + "/v1/topics/" + env("TOPIC", "orders");
    static final String GROUP = API + "/groups/" + env("GROUP", "billing");

    public static void main(String[] args) throws Exception {
        HttpResponse<String> sent;
        try {
            sent = post("/messages", API, "{\"body\":{\"order\":17,\"state\":\"paid\"},\"tag\":\"paid\",\"keys\":[\"order-17\"]}");
        } catch (IOException noAnswer) { // the same as "outcome":"unknown" below
            throw new IllegalStateException("publish: unknown whether it was stored", noAnswer);
        }
        if (sent.statusCode() != 201) {
            // "unknown": nobody knows whether it was stored. Sending it again may publish it twice: do so only if consumers
            // bear that. "not_published": certainly not stored; where "retryable" is true, it may succeed after Retry-After.
            throw new IllegalStateException("publish: " + field("outcome", sent.body()) + ": " + sent.body());
        }
        String published = field("message_id", sent.body()), received = null;
        System.out.println("published " + published);
        for (Instant end = Instant.now().plusSeconds(60); !published.equals(received); ) {
            if (Instant.now().isAfter(end)) throw new IllegalStateException("the message did not come");
            // Returns as soon as there is a message, with [] after 20 s at the latest.
            HttpResponse<String> answer = post("/messages:receive", GROUP, "{\"max_messages\":1,\"wait_seconds\":20}");
            if (answer.statusCode() != 200) throw new IllegalStateException("receive: " + answer.body());
            received = field("message_id", answer.body());
            if (received.isEmpty()) continue;
            // The work comes first, then the acknowledgement: a message may come twice, and the work must bear that.
            System.out.println("processing " + answer.body());
            String handle = field("receipt_handle", answer.body());
            answer = post("/messages:ack", GROUP, "{\"receipt_handles\":[\"" + handle + "\"]}");
            // 207: not acknowledged, "results" say why; the message comes again.
            if (answer.statusCode() != 200) throw new IllegalStateException("acknowledge: " + answer.body());
            System.out.println("acknowledged " + received);
        }
    }

    static HttpResponse<String> post(String path, String base, String json) throws IOException, InterruptedException {
        return CLIENT.send(HttpRequest.newBuilder(URI.create(base + path)).timeout(Duration.ofSeconds(40))
            .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(json)).build(),
            HttpResponse.BodyHandlers.ofString());
    }

    static String field(String name, String json) { // the first text field of this name; a JSON library does it better
        Matcher found = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(json);
        return found.find() ? found.group(1) : "";
    }

    static String env(String name, String fallback) { return System.getenv().getOrDefault(name, fallback); }
}
