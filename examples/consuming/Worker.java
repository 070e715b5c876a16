// Works on a group's messages as they come, over one stream. Java 11 or newer, no library.
//
//     GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing java Worker.java

import java.io.*;
import java.net.URI;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.*;
import java.util.regex.*;

class Worker {
    // So many may be under way here. What waits for its turn does so within its visibility timeout: that has to be longer than
    // the work on all of them.
    static final int IN_FLIGHT = 10;
    static final int SILENCE = 45; // seconds: the gateway says something every 15
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static final ScheduledExecutorService WATCH = Executors.newSingleThreadScheduledExecutor(run -> {
        Thread thread = new Thread(run);
        thread.setDaemon(true);
        return thread;
    });
    static final String MESSAGES = env("GATEWAY_URL", "http://127.0.0.1:8080") + "/v1/topics/" + env("TOPIC", "orders")
        + "/groups/" + env("GROUP", "billing") + "/messages";
    static int enough = Integer.parseInt(env("MESSAGES", "0")); // ends after so many; 0: never
    static long pause = 3000;

    /** What the service is for. It may be called twice for one message, and has to bear that. */
    static void work(String message) {
        System.out.println("processing " + field("message_id", message) + " " + message);
    }

    public static void main(String[] args) throws InterruptedException {
        for (;;) {
            try {
                stream();
            } catch (IOException error) {
                System.err.println("stream: " + error);
            }
            // A stream ends whenever a gateway is replaced. What was not acknowledged comes again.
            Thread.sleep(pause);
        }
    }

    /** Works until the stream ends. */
    static void stream() throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(MESSAGES + ":stream?max_in_flight=" + IN_FLIGHT))
            .timeout(Duration.ofSeconds(30)).header("Accept", "text/event-stream").build();
        HttpResponse<InputStream> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofInputStream());
        try (InputStream body = answer.body();
             BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
            if (answer.statusCode() != 200) {
                System.err.println("stream: " + answer.statusCode() + " " + lines.readLine());
                // Such as a topic that is not there: coming back does not help.
                if (answer.statusCode() < 500 && answer.statusCode() != 429) System.exit(1);
                return;
            }
            StringBuilder data = new StringBuilder();
            for (String line; (line = next(lines, body)) != null; ) {
                if (line.startsWith("data:")) {
                    if (data.length() > 0) data.append('\n');
                    data.append(value(line, "data:"));
                } else if (line.startsWith("retry:")) {
                    pause = Long.parseLong(value(line, "retry:"));
                } else if (line.isEmpty() && data.length() > 0) {
                    settle(data.toString());
                    data.setLength(0);
                }
            }
        }
    }

    /** The next line; the stream is given up where none comes for too long. */
    static String next(BufferedReader lines, InputStream body) throws IOException {
        ScheduledFuture<?> giveUp = WATCH.schedule(() -> { body.close(); return null; }, SILENCE, TimeUnit.SECONDS);
        try {
            return lines.readLine();
        } finally {
            giveUp.cancel(false);
        }
    }

    static void settle(String message) throws InterruptedException {
        String id = field("message_id", message);
        try {
            // The work comes first, then the acknowledgement: whatever ends in between brings the message again.
            work(message);
            String body = "{\"receipt_handles\":[\"" + field("receipt_handle", message) + "\"]}";
            HttpResponse<String> answer = CLIENT.send(HttpRequest.newBuilder(URI.create(MESSAGES + ":ack"))
                .timeout(Duration.ofSeconds(30)).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) throw new IOException(answer.body()); // 207: not acknowledged, "results" say why
            System.out.println("acknowledged " + id);
            if (--enough == 0) System.exit(0);
        } catch (IOException | RuntimeException error) { // not acknowledged: it comes again after its visibility timeout
            System.err.println("left for later: " + id + " " + error);
        }
    }

    static String value(String line, String field) {
        String value = line.substring(field.length());
        return value.startsWith(" ") ? value.substring(1) : value;
    }

    static String field(String name, String json) { // the first text field of this name; a JSON library does it better
        Matcher found = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(json);
        return found.find() ? found.group(1) : "";
    }

    static String env(String name, String fallback) { return System.getenv().getOrDefault(name, fallback); }
}
