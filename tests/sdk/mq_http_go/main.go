// The unmodified MQ HTTP SDK for Go (github.com/aliyunmq/mq-http-go-sdk) against an endpoint.
//
//	MQ_URL=http://127.0.0.1:8090 MQ_ACCESS_KEY=… MQ_SECRET_KEY=… go run .
package main

import (
	"crypto/md5"
	"crypto/rand"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aliyunmq/mq-http-go-sdk"
	"github.com/gogap/errors"
)

const (
	instance = "MQ_INST_1234567890_BXxxxxxx"
	group    = "GID_sdk"
)

var (
	url       = strings.TrimRight(setting("MQ_URL", ""), "/")
	accessKey = setting("MQ_ACCESS_KEY", "")
	secretKey = setting("MQ_SECRET_KEY", "")
)

// pair is a producer and a consumer of a topic of their own.
type pair struct {
	topic    string
	producer sdk.MQProducer
	consumer sdk.MQConsumer
}

func with(client sdk.MQClient, instance, topic, tag string) pair {
	return pair{topic, client.GetProducer(instance, topic), client.GetConsumer(instance, topic, group, tag)}
}

func fresh() pair { return with(client(url, accessKey, secretKey), "", name(), "") }

func client(url, accessKey, secretKey string) sdk.MQClient {
	return sdk.NewAliyunMQClient(url, accessKey, secretKey, "")
}

func (p pair) publish(message sdk.PublishMessageRequest) sdk.PublishMessageResponse {
	answer, err := p.producer.PublishMessage(message)
	good(err)
	return answer
}

// ask is one poll; the SDK answers over channels.
func (p pair) ask(batch int32, wait int64, ordered bool) ([]sdk.ConsumeMessageEntry, error) {
	messages, failures := make(chan sdk.ConsumeMessageResponse, 1), make(chan error, 1)
	if ordered {
		p.consumer.ConsumeMessageOrderly(messages, failures, batch, wait)
	} else {
		p.consumer.ConsumeMessage(messages, failures, batch, wait)
	}
	select {
	case answer := <-messages:
		return answer.Messages, nil
	case err := <-failures:
		return nil, err
	}
}

// poll is what one poll brings; an empty one is no error.
func (p pair) poll(batch int32, wait int64, ordered bool) []sdk.ConsumeMessageEntry {
	messages, err := p.ask(batch, wait, ordered)
	if err != nil && strings.Contains(err.Error(), "code: MessageNotExist,") {
		return nil
	}
	good(err)
	return messages
}

func (p pair) ack(messages []sdk.ConsumeMessageEntry) {
	var handles []string
	for _, message := range messages {
		handles = append(handles, message.ReceiptHandle)
	}
	good(p.consumer.AckMessage(handles))
}

func (p pair) take(count int, acknowledge bool) []sdk.ConsumeMessageEntry {
	var taken []sdk.ConsumeMessageEntry
	for end := time.Now().Add(15 * time.Second); len(taken) < count && time.Now().Before(end); {
		messages := p.poll(16, 2, false)
		taken = append(taken, messages...)
		if acknowledge {
			p.ack(messages)
		}
	}
	same("the number of messages", len(taken), count)
	return taken
}

var checks = []struct {
	name string
	run  func()
}{
	{"publish: a message id of 32 upper-case hex digits, and the body's MD5", func() {
		sent := fresh().publish(sdk.PublishMessageRequest{MessageBody: "Hello, mq!"})
		yes("the id is "+sent.MessageId, regexp.MustCompile("^[0-9A-F]{32}$").MatchString(sent.MessageId))
		same("the MD5", sent.MessageBodyMD5, digest("Hello, mq!"))
		yes("there is no request id", sent.RequestId != "")
	}},
	{"consume: body with all that XML escapes, tag, key, properties, times", func() {
		p, body, before := fresh(), "Hello <b>&\"'世界</b> ]]> \r\n\ttail 😀 ", now()
		sent := p.publish(sdk.PublishMessageRequest{MessageBody: body, MessageTag: "TagA", MessageKey: "K1",
			Properties: map[string]string{"a": "值", "b": "two words"}})
		same("the MD5 of the publish", sent.MessageBodyMD5, digest(body))
		message := p.take(1, true)[0]
		same("body", message.MessageBody, body)
		same("MD5", message.MessageBodyMD5, digest(body))
		same("id", message.MessageId, sent.MessageId)
		same("tag", message.MessageTag, "TagA")
		same("key", message.MessageKey, "K1")
		same("a and b", message.Properties["a"]+message.Properties["b"], "值two words")
		same("consumed times", message.ConsumedTimes, int64(1))
		yes("the publish time is not the time", message.PublishTime > before-2000 && message.PublishTime < now()+2000)
		yes("the next time is not ahead", message.NextConsumeTime > before)
	}},
	{"delayed: not before its time, and not long after", func() {
		p, due := fresh(), now()+2000
		p.publish(sdk.PublishMessageRequest{MessageBody: "later", StartDeliverTime: due})
		same("before", len(p.poll(16, 0, false)), 0)
		p.take(1, true)
		yes(fmt.Sprintf("it came %d ms after its time", now()-due), now() >= due && now() < due+6000)
	}},
	{"in order: a shard is locked until it is acknowledged", func() {
		p, seen := fresh(), ""
		for _, body := range []string{"0", "1", "2", "3"} {
			p.publish(sdk.PublishMessageRequest{MessageBody: body, ShardingKey: "s1"})
		}
		messages := p.poll(1, 5, true)
		same("while it is locked", len(p.poll(16, 0, true)), 0)
		for end := time.Now().Add(15 * time.Second); time.Now().Before(end); messages = p.poll(16, 1, true) {
			for _, message := range messages {
				same("the sharding key", message.ShardingKey, "s1")
				seen += message.MessageBody
			}
			p.ack(messages)
			if len(seen) >= 4 {
				break
			}
		}
		same("the order", seen, "0123")
	}},
	{"tag filter TagA||TagB", func() {
		p := with(client(url, accessKey, secretKey), "", name(), "TagA||TagB")
		for _, tag := range []string{"TagA", "TagC", "TagB", "TagAB"} {
			p.publish(sdk.PublishMessageRequest{MessageBody: "with " + tag, MessageTag: tag})
		}
		var tags []string
		for _, message := range p.take(2, true) {
			tags = append(tags, message.MessageTag)
		}
		sort.Strings(tags)
		same("the tags", tags, []string{"TagA", "TagB"})
		same("afterwards", len(p.poll(16, 1, false)), 0)
	}},
	{"20 messages: a batch of 16 and the rest, none lost, none twice, none again after the acknowledgement", func() {
		p := fresh()
		var ids, taken []string
		for number := 0; number < 20; number++ {
			ids = append(ids, p.publish(sdk.PublishMessageRequest{MessageBody: strconv.Itoa(number)}).MessageId)
		}
		for _, size := range []int{16, 4} {
			messages := p.poll(16, 5, false)
			same("the batch", len(messages), size)
			for _, message := range messages {
				taken = append(taken, message.MessageId)
			}
			p.ack(messages)
		}
		sort.Strings(ids)
		sort.Strings(taken)
		same("the ids", taken, ids)
		untilHiddenNoMore()
		same("after the acknowledgement", len(p.poll(16, 0, false)), 0)
	}},
	{"an empty poll is MessageNotExist", func() {
		_, err := fresh().ask(1, 1, false)
		refused("MessageNotExist", err)
	}},
	{"a waiting poll is woken by another client's publish", func() {
		p, begun := fresh(), time.Now()
		time.AfterFunc(time.Second, func() {
			with(client(url, accessKey, secretKey), "", p.topic, "").producer.PublishMessage(sdk.PublishMessageRequest{MessageBody: "wake up"})
		})
		same("the number of messages", len(p.poll(16, 25, false)), 1)
		yes("it took "+time.Since(begun).String(), time.Since(begun) < 8*time.Second)
	}},
	{"a partly failed acknowledgement lists the bad handle only; the good one stays acknowledged", func() {
		p, bogus := fresh(), "0CDF995D144446189BB88022596156CA-1eVQN8N1RbOiIL60mWdT8Q=="
		p.publish(sdk.PublishMessageRequest{MessageBody: "good"})
		err := p.consumer.AckMessage([]string{p.take(1, false)[0].ReceiptHandle, bogus})
		code, found := err.(errors.ErrCode)
		yes("nothing was returned", found)
		items, found := code.Context()["Detail"].([]sdk.ErrAckItem)
		yes("there are no details", found && len(items) == 1)
		same("the handle", items[0].ErrorHandle, bogus)
		same("the code", items[0].ErrorCode, "ReceiptHandleError")
		untilHiddenNoMore()
		same("after the acknowledgement", len(p.poll(16, 0, false)), 0)
	}},
	{"not acknowledged, it comes again: consumed times 2, the same id, another handle", func() {
		p := fresh()
		id := p.publish(sdk.PublishMessageRequest{MessageBody: "again"}).MessageId
		first := p.take(1, false)[0]
		untilHiddenNoMore()
		second := p.take(1, true)[0]
		same("consumed times", second.ConsumedTimes, int64(2))
		same("the ids", []string{first.MessageId, second.MessageId}, []string{id, id})
		yes("the handle is the old one", first.ReceiptHandle != second.ReceiptHandle)
	}},
	{"a wrong secret key: SignatureDoesNotMatch, for publish, consume and acknowledge", func() {
		p := with(client(url, accessKey, "not-the-secret-key"), "", name(), "")
		_, err := p.producer.PublishMessage(sdk.PublishMessageRequest{MessageBody: "x"})
		refused("SignatureDoesNotMatch", err)
		_, err = p.ask(1, 0, false)
		refused("SignatureDoesNotMatch", err)
		refused("SignatureDoesNotMatch", p.consumer.AckMessage([]string{"handle"}))
	}},
	{"an unknown access key: InvalidAccessKeyId", func() {
		p := with(client(url, "nobodys-key", secretKey), "", name(), "")
		_, err := p.producer.PublishMessage(sdk.PublishMessageRequest{MessageBody: "x"})
		refused("InvalidAccessKeyId", err)
	}},
	{"with an instance, and a base URL with a slash at its end: //topics on the wire, /topics in what is signed", func() {
		for _, p := range []pair{
			with(client(url, accessKey, secretKey), instance, name(), ""),
			with(client(url+"/", accessKey, secretKey), "", name(), ""),
		} {
			p.publish(sdk.PublishMessageRequest{MessageBody: "x"})
			p.take(1, true)
		}
	}},
	{"half messages are refused: publish, consume, commit (also with the empty group of this SDK) and rollback", func() {
		for _, instance := range []string{instance, ""} {
			producer := client(url, accessKey, secretKey).GetTransProducer(instance, name(), group)
			_, err := producer.PublishMessage(sdk.PublishMessageRequest{MessageBody: "half", TransCheckImmunityTime: 10})
			refused("InvalidArgument", err)
			messages, failures := make(chan sdk.ConsumeMessageResponse, 1), make(chan error, 1)
			producer.ConsumeHalfMessage(messages, failures, 1, 1)
			yes("half messages came", len(messages) == 0)
			refused("InvalidArgument", <-failures)
			refused("InvalidArgument", producer.Commit("handle"))
			refused("InvalidArgument", producer.Rollback("handle"))
		}
	}},
}

func refused(code string, err error) {
	yes("nothing failed instead of "+code, err != nil)
	yes(fmt.Sprintf("%v instead of %s", err, code), strings.Contains(err.Error(), "code: "+code+","))
}

func main() {
	failures := make([]chan any, len(checks))
	for index, check := range checks {
		failures[index] = make(chan any, 1)
		go func(run func(), failure chan any) {
			defer func() { failure <- recover() }()
			run()
		}(check.run, failures[index])
	}
	failed := 0
	for index, check := range checks {
		if failure := <-failures[index]; failure != nil {
			failed++
			fmt.Printf("FAILED  %s: %v\n", check.name, failure)
			continue
		}
		fmt.Printf("ok      %s\n", check.name)
	}
	fmt.Printf("%d checks good, %d failed\n", len(checks)-failed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

func setting(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	if fallback == "" {
		fmt.Fprintln(os.Stderr, name+" is not set: see tests/sdk/README.md")
		os.Exit(1)
	}
	return fallback
}

func untilHiddenNoMore() {
	seconds, err := strconv.ParseFloat(setting("MQ_VISIBILITY_SECONDS", "3"), 64)
	good(err)
	time.Sleep(time.Duration((seconds + 1) * float64(time.Second)))
}

func name() string {
	random := make([]byte, 6)
	rand.Read(random)
	return fmt.Sprintf("sdk-go-%x", random)
}

func now() int64                { return time.Now().UnixMilli() }
func digest(text string) string { return fmt.Sprintf("%X", md5.Sum([]byte(text))) }

func good(err error) {
	if err != nil {
		panic(err)
	}
}

func yes(what string, condition bool) {
	if !condition {
		panic(what)
	}
}

func same(what string, actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%s is %#v, expected %#v", what, actual, expected))
	}
}
