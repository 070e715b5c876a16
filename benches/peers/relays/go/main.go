// A signing reverse proxy as small Go sidecars are written: ReverseProxy of the standard library, the message out of its JSON envelope.
//
//	signer PORT UPSTREAM_PORT TOPIC PRODUCER_GROUP ACCESS_KEY SECRET_KEY
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

type envelope struct {
	Body string   `json:"body"`
	Tag  string   `json:"tag"`
	Keys []string `json:"keys"`
}

type signer struct {
	upstream, topic, producerGroup, accessKey string
	secretKey                                 []byte
	proxy                                     *httputil.ReverseProxy
}

func main() {
	if len(os.Args) != 7 {
		log.Fatal("signer PORT UPSTREAM_PORT TOPIC PRODUCER_GROUP ACCESS_KEY SECRET_KEY")
	}
	transport := &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024, IdleConnTimeout: 5 * time.Minute, DisableCompression: true}
	signer := &signer{
		upstream: "127.0.0.1:" + os.Args[2], topic: os.Args[3], producerGroup: os.Args[4],
		accessKey: os.Args[5], secretKey: []byte(os.Args[6]),
		proxy: &httputil.ReverseProxy{Transport: transport, Rewrite: func(*httputil.ProxyRequest) {}},
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], signer))
}

func (s *signer) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	var message envelope
	received, err := io.ReadAll(request.Body)
	if err == nil {
		err = json.Unmarshal(received, &message)
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	body := []byte(message.Body)
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	digest := md5.Sum(body)
	mac := hmac.New(sha1.New, s.secretKey)
	io.WriteString(mac, s.topic+"\n"+s.producerGroup+"\n"+hex.EncodeToString(digest[:])+"\n"+now)
	request.Header.Set("Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	request.Header.Set("AccessKey", s.accessKey)
	request.Header.Set("ProducerID", s.producerGroup)
	request.Host = s.upstream
	request.URL = &url.URL{Scheme: "http", Host: s.upstream, Path: "/message/", RawQuery: "topic=" + s.topic + "&time=" + now +
		"&tag=" + url.QueryEscape(message.Tag) + "&key=" + url.QueryEscape(strings.Join(message.Keys, " "))}
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	s.proxy.ServeHTTP(response, request)
}
