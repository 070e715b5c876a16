// Takes a subscription's messages, which the gateway sends, signed by Standard Webhooks. Go 1.21, standard library only;
// github.com/standard-webhooks/standard-webhooks/libraries/go verifies the same.
//
//	PORT=9000 WEBHOOK_SECRETS=whsec_… go run receiver.go
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	tolerance = 300     // seconds
	largest   = 8 << 20 // bytes: above what the MQ takes, as 413 makes a dead letter
)

var (
	// One, or several with blanks between while they rotate.
	secrets = decode(strings.Fields(os.Getenv("WEBHOOK_SECRETS")))
	// Whether an id is done, or is being done. A service remembers them where it keeps the work's result, in the same transaction,
	// and for longer than the retry schedule takes.
	lock sync.Mutex
	seen = map[string]bool{}
)

type event struct {
	ID   string          `json:"id"`
	Data json.RawMessage `json:"data"`
}

// work is what the service is for.
func work(it event) error {
	fmt.Println("processing", it.ID, string(it.Data))
	return nil
}

// isGenuine tells whether somebody who has a secret signed these very bytes a moment ago.
func isGenuine(header http.Header, body []byte) bool {
	id, at := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseUint(at, 10, 40)
	if age := time.Now().Unix() - int64(seconds); err != nil || age > tolerance || age < -tolerance {
		return false
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%s.", id, at)
		mac.Write(body)
		good := mac.Sum(nil)
		for _, given := range strings.Split(header.Get("webhook-signature"), " ") {
			value, isOurs := strings.CutPrefix(given, "v1,")
			if signature, err := base64.StdEncoding.DecodeString(value); isOurs && err == nil && hmac.Equal(signature, good) {
				return true
			}
		}
	}
	return false
}

// answer is the status that answers a request.
func answer(request *http.Request, writer http.ResponseWriter) int {
	if request.Method != http.MethodPost {
		return http.StatusMethodNotAllowed
	}
	// The bytes as they came: whatever parses them first cannot verify them any more.
	body, err := io.ReadAll(http.MaxBytesReader(writer, request.Body, largest))
	if err != nil {
		return http.StatusRequestEntityTooLarge
	}
	if !isGenuine(request.Header, body) {
		return http.StatusUnauthorized // comes again by the schedule: the secret may be on its way to us
	}
	id := request.Header.Get("webhook-id")
	lock.Lock()
	isDone, isKnown := seen[id]
	if !isKnown {
		seen[id] = false
	}
	lock.Unlock()
	if isDone {
		return http.StatusNoContent // the answer to the first did not arrive
	}
	if isKnown {
		return http.StatusConflict // comes again, when the first has ended
	}
	var it event
	if err = json.Unmarshal(body, &it); err == nil {
		err = work(it)
	}
	lock.Lock()
	defer lock.Unlock()
	if err != nil {
		log.Println("failed:", id, err)
		delete(seen, id)
		return http.StatusInternalServerError // comes again by the schedule
	}
	seen[id] = true
	return http.StatusNoContent // after the work: the message is acknowledged now
}

func decode(texts []string) [][]byte {
	if len(texts) == 0 {
		log.Fatal("WEBHOOK_SECRETS is not set")
	}
	var secrets [][]byte
	for _, text := range texts {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
		if err != nil {
			log.Fatal("WEBHOOK_SECRETS: expects whsec_ and base64")
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

func variable(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	listener, err := net.Listen("tcp", net.JoinHostPort(variable("HOST", "127.0.0.1"), variable("PORT", "9000")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	server := http.Server{ReadTimeout: time.Minute, Handler: http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		writer.WriteHeader(answer(request, writer))
	})}
	log.Fatal(server.Serve(listener))
}
