#!/usr/bin/env bash
# Publishes one message, receives it, acknowledges it. Needs curl.
#
#     GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing bash curl.sh
set -euo pipefail

api=${GATEWAY_URL:-http://127.0.0.1:8080}/v1/topics/${TOPIC:-orders}
group=$api/groups/${GROUP:-billing}

# post URL JSON: sets `status` (000 when there was no answer) and `answer`.
post() {
  answer=$(curl -sS -m 40 -w '\n%{http_code}' -H 'Content-Type: application/json' -d "$2" "$1") || true
  status=${answer##*$'\n'} answer=${answer%$'\n'*}
}
# field NAME: a text field of the answer, the first of that name. With jq at hand: jq -r .messages[0].NAME
field() { sed -n "s/^{[^}]*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$answer"; }

post "$api/messages" '{"body":{"order":17,"state":"paid"},"tag":"paid","keys":["order-17"]}'
if [[ $status != 201 ]]; then
  if [[ $status == 000 || $answer == *'"outcome":"unknown"'* ]]; then
    # Nobody knows whether it was stored. Sending it again may publish it twice: do so only if consumers bear that.
    echo "publish: unknown whether it was stored: $answer" >&2
  else
    # Certainly not stored. Where "retryable" is true, the same request may succeed after Retry-After.
    echo "publish: not stored, $status: $answer" >&2
  fi
  exit 1
fi
published=$(field message_id)
echo "published $published"

end=$((SECONDS + 60)) received=
while [[ $received != "$published" ]]; do
  ((SECONDS < end)) || { echo "the message did not come" >&2; exit 1; }
  # Returns as soon as there is a message, with [] after 20 s at the latest.
  post "$group/messages:receive" '{"max_messages":1,"wait_seconds":20}'
  [[ $status == 200 ]] || { echo "receive: $status: $answer" >&2; sleep 1; continue; }
  [[ $answer != '{"messages":[]}' ]] || continue
  received=$(field message_id) handle=$(field receipt_handle)

  # The work comes first, then the acknowledgement: whatever ends in between brings the message again. So the same
  # message may come twice, and the work must bear that.
  echo "processing $received: $answer"

  post "$group/messages:ack" "{\"receipt_handles\":[\"$handle\"]}"
  # 207: it was not acknowledged, the answer says why; the message comes again.
  [[ $status == 200 ]] || { echo "acknowledge: $status: $answer" >&2; exit 1; }
  echo "acknowledged $received"
done
