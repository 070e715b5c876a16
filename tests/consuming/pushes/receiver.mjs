// A receiver of pushes that believes only what the official TypeScript library of Standard Webhooks verifies.
//
// Prints a JSON line for each request, as the one in Python.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_PACKAGES}/`);
const { Webhook } = require("standardwebhooks");
const secretFile = process.argv[2];

const server = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    let told;
    try {
      const webhook = new Webhook(readFileSync(secretFile, "ascii").trim());
      const event = webhook.verify(Buffer.concat(pieces), request.headers);
      told = { good: true, id: request.headers["webhook-id"], type: event.type };
    } catch (error) {
      told = { good: false, why: `${error.name}: ${error.message}` };
    }
    console.log(JSON.stringify(told));
    response.writeHead(told.good ? 204 : 401).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
