// Takes a subscription's messages, which the gateway sends, signed by Standard Webhooks. Java 11 or newer, no library; Maven
// com.standardwebhooks:standardwebhooks verifies the same.
//
//     PORT=9000 WEBHOOK_SECRETS=whsec_… java Receiver.java

import com.sun.net.httpserver.*;
import java.io.*;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.*;
import java.time.Instant;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

class Receiver {
    static final int TOLERANCE = 300; // seconds
    static final int LARGEST = 8 << 20; // bytes: above what the MQ takes, as 413 makes a dead letter
    // One, or several with blanks between while they rotate.
    static final List<byte[]> SECRETS = Arrays.stream(env("WEBHOOK_SECRETS", "").trim().split("\\s+"))
        .map(secret -> Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""))).collect(Collectors.toList());
    // Whether an id is done, or is being done. A service remembers them where it keeps the work's result, in the same
    // transaction, and for longer than the retry schedule takes.
    static final Map<String, Boolean> SEEN = new ConcurrentHashMap<>();

    /** What the service is for. */
    static void work(String event) {
        System.out.println("processing " + event);
    }

    public static void main(String[] args) throws IOException {
        HttpServer server = HttpServer.create(
            new InetSocketAddress(env("HOST", "127.0.0.1"), Integer.parseInt(env("PORT", "9000"))), 0);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.createContext("/", exchange -> {
            try (exchange) {
                exchange.sendResponseHeaders(answer(exchange), -1);
            }
        });
        server.start();
        System.out.println("listening on " + server.getAddress().getPort());
    }

    /** The status that answers a request. */
    static int answer(HttpExchange exchange) throws IOException {
        if (!exchange.getRequestMethod().equals("POST")) return 405;
        // The bytes as they came: whatever parses them first cannot verify them any more.
        byte[] body = exchange.getRequestBody().readNBytes(LARGEST + 1);
        if (body.length > LARGEST) return 413;
        Headers headers = exchange.getRequestHeaders();
        // 401 comes again by the schedule: the secret may be on its way to us.
        if (!isGenuine(headers, body)) return 401;
        String id = headers.getFirst("webhook-id");
        Boolean isDone = SEEN.putIfAbsent(id, false);
        // Done: the answer to the first did not arrive. Not yet: it comes again, when the first has ended.
        if (isDone != null) return isDone ? 204 : 409;
        try {
            work(new String(body, StandardCharsets.UTF_8));
            SEEN.put(id, true);
            return 204; // after the work: the message is acknowledged now
        } catch (RuntimeException error) {
            System.err.println("failed: " + id + " " + error);
            SEEN.remove(id);
            return 500; // comes again by the schedule
        }
    }

    /** Whether somebody who has a secret signed these very bytes a moment ago. */
    static boolean isGenuine(Headers headers, byte[] body) {
        String id = headers.getFirst("webhook-id"), at = headers.getFirst("webhook-timestamp");
        String given = headers.getFirst("webhook-signature");
        if (id == null || at == null || given == null || !at.matches("[0-9]{1,12}")) return false;
        if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(at)) > TOLERANCE) return false;
        for (byte[] secret : SECRETS) {
            byte[] good = ("v1," + Base64.getEncoder().encodeToString(mac(secret, id + "." + at + ".", body))).getBytes();
            for (String signature : given.split(" ")) {
                if (MessageDigest.isEqual(good, signature.getBytes(StandardCharsets.UTF_8))) return true;
            }
        }
        return false;
    }

    static byte[] mac(byte[] secret, String begin, byte[] body) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            mac.update(begin.getBytes(StandardCharsets.UTF_8));
            return mac.doFinal(body);
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error); // every Java has it
        }
    }

    static String env(String name, String fallback) { return System.getenv().getOrDefault(name, fallback); }
}
