-- A publish of ONS HTTP from a JSON envelope, inside nginx.
local decode = require("cjson.safe").decode
local escape, hmac, md5, base64 = ngx.escape_uri, ngx.hmac_sha1, ngx.md5, ngx.encode_base64

local signer = {}

function signer.publish(topic, producer_group, secret_key)
  ngx.req.read_body()
  local envelope = decode(ngx.req.get_body_data())
  if type(envelope) ~= "table" or type(envelope.body) ~= "string" then
    return ngx.exit(400)
  end
  ngx.req.set_body_data(envelope.body)
  ngx.update_time() -- nginx's clock is that of the last event, and the MQ refuses old times
  local time = string.format("%.0f", ngx.now() * 1000)
  local text = table.concat({ topic, producer_group, md5(envelope.body), time }, "\n")
  ngx.var.signature = base64(hmac(secret_key, text))
  ngx.var.query = "topic=" .. topic .. "&time=" .. time
    .. "&tag=" .. escape(envelope.tag or "") .. "&key=" .. escape(table.concat(envelope.keys or {}, " "))
end

return signer
