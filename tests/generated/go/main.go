// Uses the Go client that openapi-generator makes; ../README.md says how it is run.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"example/mqgateway"
)

const group = "GID_generated"

var (
	topic, jobs  = os.Getenv("MQ_TOPIC"), os.Getenv("MQ_JOBS")
	ctx          = context.Background()
	client       *mqgateway.APIClient
	good, failed int
)

func check(what string, actual, expected any) {
	if reflect.DeepEqual(actual, expected) {
		good++
		fmt.Println("ok     ", what)
		return
	}
	failed++
	fmt.Printf("FAILED  %s: %#v, expected %#v\n", what, actual, expected)
}

// must stops this part of the checks: what follows needs the value.
func must[T, R any](value T, _ R, err error) T {
	if err != nil {
		panic(describe(err))
	}
	return value
}

func describe(err error) string {
	var refused *mqgateway.GenericOpenAPIError
	if errors.As(err, &refused) {
		return fmt.Sprintf("%v: %s", err, refused.Body())
	}
	return err.Error()
}

// problemOf is the problem that a call was refused with.
func problemOf(err error) mqgateway.Problem {
	var refused *mqgateway.GenericOpenAPIError
	if !errors.As(err, &refused) {
		panic(fmt.Sprintf("no problem: %v", err))
	}
	problem, ok := refused.Model().(mqgateway.Problem)
	if !ok {
		panic(fmt.Sprintf("no problem: %T, %s", refused.Model(), refused.Body()))
	}
	return problem
}

func publish(to string, message *mqgateway.Message) *mqgateway.Published {
	return must(client.PublishAPI.PublishMessage(ctx, to).Message(*message).Execute())
}

// received has so many messages, by long polls; fewer after ten seconds.
func received(from string, count int) []mqgateway.ReceivedMessage {
	var messages []mqgateway.ReceivedMessage
	for end := time.Now().Add(10 * time.Second); len(messages) < count && time.Now().Before(end); {
		request := mqgateway.NewReceiveRequest()
		request.SetWaitSeconds(2)
		answer := must(client.ReceiveAPI.ReceiveMessages(ctx, from, group).ReceiveRequest(*request).Execute())
		messages = append(messages, answer.Messages...)
	}
	return messages
}

func discovery() {
	info := must(client.TopicsAPI.GetTopic(ctx, topic).Execute())
	check("a topic's protocol", info.Protocol, "mq-http")
	check("a topic's capabilities", []bool{info.Capabilities.Properties, info.Capabilities.Idempotency}, []bool{true, false})
	check("a topic's limits", info.Limits.MaxMessageBytes, int64(65536))
	listed := false
	for _, each := range must(client.TopicsAPI.ListTopics(ctx).Execute()).Topics {
		listed = listed || each.Topic == topic
	}
	check("the list has the topic", listed, true)
}

func publishing() {
	text := mqgateway.NewMessage("hello")
	text.SetTag("created")
	text.SetKeys([]string{"order-7", "user-3"})
	text.SetProperties(map[string]string{"source": "checks"})
	stored := publish(topic, text)
	check("a text is published", []any{stored.Topic, stored.Outcome, stored.Attempts}, []any{topic, "published", int32(1)})
	check("its id is told", len(stored.MessageId) > 0, true)
	json := publish(topic, mqgateway.NewMessage(map[string]any{"lines": []any{1, nil}, "order": 7}))
	check("a JSON document is published", json.Outcome, "published")
	_, answer, err := client.PublishAPI.PublishMessage(ctx, topic).Message(*mqgateway.NewMessage("only a body")).Execute()
	must(answer, 0, err)
	check("a message with a body alone is published", answer.StatusCode, 201)
}

func problems() {
	wrong := mqgateway.NewMessage("x")
	wrong.SetDelaySeconds(1)
	wrong.SetDeliverAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	_, _, err := client.PublishAPI.PublishMessage(ctx, topic).Message(*wrong).Execute()
	problem := problemOf(err)
	check("its code", []any{problem.Status, problem.Code}, []any{int32(422), "validation-failed"})
	check("where it is", problem.Errors[0].GetPointer(), "/delay_seconds")
	check("the outcome", []any{problem.GetOutcome(), problem.Retryable}, []any{"not_published", false})
	_, _, err = client.TopicsAPI.GetTopic(ctx, "no-such-topic").Execute()
	unknown := problemOf(err)
	check("an unknown topic", []any{unknown.Status, unknown.Code, unknown.HasOutcome()}, []any{int32(404), "unknown-topic", false})
	request := *mqgateway.NewNackRequest([]string{"v2.x"})
	_, _, err = client.ReceiveAPI.GiveBackMessages(ctx, topic, group).NackRequest(request).Execute()
	lacking := problemOf(err)
	check("a verb that the protocol lacks", []any{lacking.Status, lacking.Code}, []any{int32(501), "capability-not-supported"})
}

func batch() {
	messages := []mqgateway.Message{*mqgateway.NewMessage(map[string]int{"line": 1}), *mqgateway.NewMessage(strings.Repeat("x", 70_000))}
	answer, response, err := client.PublishAPI.PublishBatch(ctx, topic).Batch(*mqgateway.NewBatch(messages)).Execute()
	results := must(answer, response, err).Results
	first, second := results[0], results[1]
	check("a mixed batch", []int32{int32(response.StatusCode), first.Status, second.Status}, []int32{207, 201, 413})
	check("its published message", []any{first.Index, first.GetOutcome(), first.HasProblem(), first.GetMessageId() != ""}, []any{int32(0), "published", false, true})
	check("its refused message", []any{second.Index, second.Problem.Code, second.Problem.GetOutcome()}, []any{int32(1), "message-too-large", "not_published"})
	check("the limit", []any{second.Problem.GetLimit(), second.HasMessageId()}, []any{int64(65536), false})
}

func receiving() {
	messages := map[string]mqgateway.ReceivedMessage{}
	bodies, handles := []string{}, []string{}
	for _, message := range received(topic, 4) {
		messages[message.Body] = message
		bodies, handles = append(bodies, message.Body), append(handles, message.ReceiptHandle)
	}
	sort.Strings(bodies)
	check("the messages", bodies, []string{"hello", "only a body", `{"line":1}`, `{"lines":[1,null],"order":7}`})
	text, plain := messages["hello"], messages["only a body"]
	check("tag, keys and properties", []any{text.GetTag(), text.Keys, text.Properties}, []any{"created", []string{"order-7", "user-3"}, map[string]string{"source": "checks"}})
	check("what is not set", []any{plain.Tag.Get(), plain.Keys, plain.Properties, plain.MessageGroup.Get()}, []any{(*string)(nil), []string{}, map[string]string{}, (*string)(nil)})
	check("the delivery", []any{text.Encoding, text.DeliveryAttempt, text.VisibleAgainAt.After(text.PublishedAt)}, []any{"text", int32(1), true})
	request := *mqgateway.NewAckRequest(append(handles, "v2.damaged"))
	answer, response, err := client.ReceiveAPI.AcknowledgeMessages(ctx, topic, group).AckRequest(request).Execute()
	results := must(answer, response, err).Results
	statuses := []int32{}
	for _, result := range results {
		statuses = append(statuses, result.Status)
	}
	check("each handle has a result", statuses, []int32{204, 204, 204, 204, 400})
	check("of the one that failed", []any{response.StatusCode, results[4].Problem.Code}, []any{207, "invalid-receipt-handle"})
	check("of one that was done", []any{results[0].ReceiptHandle, results[0].HasProblem()}, []any{handles[0], false})
}

func changing() {
	publish(jobs, mqgateway.NewMessage("job"))
	job := received(jobs, 1)[0]
	extend := *mqgateway.NewExtendRequest([]string{job.ReceiptHandle}, 600)
	kept := must(client.ReceiveAPI.ExtendMessages(ctx, jobs, group).ExtendRequest(extend).Execute()).Results[0]
	check("a delivery is kept longer", []any{kept.Status, kept.GetVisibleAgainAt().After(job.VisibleAgainAt)}, []any{int32(204), true})
	nack := *mqgateway.NewNackRequest([]string{kept.ReceiptHandle})
	back := must(client.ReceiveAPI.GiveBackMessages(ctx, jobs, group).NackRequest(nack).Execute()).Results[0]
	check("a delivery is given back", []any{back.Status, back.HasProblem()}, []any{int32(204), false})
	again := received(jobs, 1)[0]
	check("and comes again", []any{again.MessageId, again.DeliveryAttempt}, []any{job.MessageId, int32(2)})
	request := *mqgateway.NewAckRequest([]string{again.ReceiptHandle})
	done := must(client.ReceiveAPI.AcknowledgeMessages(ctx, jobs, group).AckRequest(request).Execute()).Results[0]
	check("and is done", done.Status, int32(204))
}

func try(name string, part func()) {
	defer func() {
		if problem := recover(); problem != nil {
			failed++
			fmt.Printf("FAILED  %s: %v\n", name, problem)
		}
	}()
	part()
}

func main() {
	configuration := mqgateway.NewConfiguration()
	configuration.Servers[0].URL = os.Getenv("MQ_GATEWAY_URL")
	client = mqgateway.NewAPIClient(configuration)
	try("discovery", discovery)
	try("publishing", publishing)
	try("problems", problems)
	try("batch", batch)
	try("receiving", receiving)
	try("changing", changing)
	fmt.Printf("%d checks good, %d failed\n", good, failed)
	if failed > 0 || good == 0 {
		os.Exit(1)
	}
}
