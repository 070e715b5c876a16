// Works on a group's messages as they come, over one stream. Go 1.21, standard library only.
//
//	GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing go run worker.go
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// So many may be under way here. What waits for its turn does so within its visibility timeout: that has to be longer than the
	// work on all of them.
	inFlight = 10
	silence  = 45 * time.Second // the gateway says something every 15 s
	largest  = 64 << 20         // bytes of one event
)

var (
	messages = fmt.Sprintf("%s/v1/topics/%s/groups/%s/messages", variable("GATEWAY_URL", "http://127.0.0.1:8080"),
		url.PathEscape(variable("TOPIC", "orders")), url.PathEscape(variable("GROUP", "billing")))
	enough, _ = strconv.Atoi(variable("MESSAGES", "0")) // ends after so many; 0: never
	pause     = 3 * time.Second
)

type message struct {
	ID            string `json:"message_id"`
	ReceiptHandle string `json:"receipt_handle"`
	Body          string `json:"body"`
	Encoding      string `json:"encoding"`
}

// work is what the service is for. It may be called twice for one message, and has to bear that.
func work(it message) error {
	fmt.Println("processing", it.ID, it.Body)
	return nil
}

func acknowledge(it message) error {
	body, err := json.Marshal(map[string][]string{"receipt_handles": {it.ReceiptHandle}})
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Post(messages+":ack", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK { // 207: not acknowledged, `results` say why
		err = fmt.Errorf("%s", text)
	}
	if err == nil {
		fmt.Println("acknowledged", it.ID)
	}
	return err
}

// stream works until the stream ends, and says why.
func stream() error {
	ctx, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s:stream?max_in_flight=%d", messages, inFlight), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/event-stream")
	quiet := time.AfterFunc(silence, giveUp)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		if answer.StatusCode < 500 && answer.StatusCode != http.StatusTooManyRequests {
			log.Fatalf("stream: %d %s", answer.StatusCode, text) // such as a topic that is not there: coming back does not help
		}
		return fmt.Errorf("%d %s", answer.StatusCode, text)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, largest)
	var data []string
	for lines.Scan() {
		quiet.Stop() // the work on a message takes as long as it takes
		field, value, _ := strings.Cut(strings.TrimSuffix(lines.Text(), "\r"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case field == "data":
			data = append(data, value)
		case field == "retry":
			if millis, err := strconv.Atoi(value); err == nil {
				pause = time.Duration(millis) * time.Millisecond
			}
		case field == "" && value == "" && len(data) > 0: // an empty line ends an event; a comment begins with a colon
			var it message
			err := json.Unmarshal([]byte(strings.Join(data, "\n")), &it)
			data = nil
			// The work comes first, then the acknowledgement: whatever ends in between brings the message again.
			if err == nil {
				err = work(it)
			}
			if err == nil {
				err = acknowledge(it)
			}
			if err != nil { // not acknowledged: it comes again after its visibility timeout
				log.Println("left for later:", it.ID, err)
			} else if enough--; enough == 0 {
				os.Exit(0)
			}
		}
		quiet.Reset(silence)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}

func variable(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	for {
		// A stream ends whenever a gateway is replaced. What was not acknowledged comes again.
		log.Println("stream:", stream())
		time.Sleep(pause)
	}
}
