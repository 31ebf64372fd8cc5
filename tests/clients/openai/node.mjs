// The official Node SDK against a server that runs `bots` with `script.jsonl`. One line per case.
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0, timeout: 30_000 });
const messages = (content) => [{ role: "user", content }];
const say = (text, more = {}, options = {}) =>
  client.chat.completions.create({ model: "parrot", messages: messages(text), ...more }, options);

const cases = {
  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids, ["parrot"]);
    assert.equal((await client.models.retrieve("parrot")).object, "model");
  },

  async chat() {
    const answer = await say("hello", { store: false, temperature: 0.3 });
    assert.equal(answer.choices[0].message.content, "Polly says hello.");
    assert.ok(answer._request_id && answer.usage.total_tokens > 0);
  },

  async stream() {
    let text = "", usage;
    for await (const chunk of await say("count", { stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, "one two three");
    assert.equal(usage.completion_tokens, 3);
  },

  async tools() {
    const called = [];
    const weather = {
      type: "function",
      function: {
        name: "weather",
        description: "How the weather is",
        parameters: { type: "object", properties: { city: { type: "string" } } },
        parse: JSON.parse,
        function: ({ city }) => (called.push(city), "rain"),
      },
    };
    const run = client.chat.completions.runTools({
      model: "parrot", stream: true, messages: messages("weather (node)"), tools: [weather],
    });
    assert.equal(await run.finalContent(), "It rains in Lviv.");
    assert.deepEqual(called, ["Lviv"]);
  },

  async lasting() {
    const user = `ann-${Date.now()}`;
    assert.equal((await say("hello", { user })).choices[0].message.content, "Polly says hello.");
    const stream = client.chat.completions.stream({ model: "parrot", messages: messages("count"), user });
    assert.equal((await stream.finalChatCompletion()).choices[0].message.content, "one two three");
  },

  async errors() {
    const wrong = new OpenAI({ apiKey: "bw_wrong", maxRetries: 0 });
    const refused = (asking, kind, fields) =>
      assert.rejects(asking, (error) => {
        assert.ok(error instanceof kind, `${error}`);
        for (const [name, value] of Object.entries(fields)) assert.equal(error[name], value);
        return true;
      });
    await refused(wrong.models.retrieve("parrot"), OpenAI.AuthenticationError, { status: 401, code: "invalid_api_key" });
    await refused(say("hello", { model: "eagle" }), OpenAI.NotFoundError, { code: "model_not_found", param: "model" });
    await refused(say("hello", { logprobs: true }), OpenAI.BadRequestError, { param: "logprobs" });
    await refused(say("busy"), OpenAI.RateLimitError, { status: 429, code: "rate_limit_exceeded" });
  },

  async broken_stream() {
    const read = async () => {
      for await (const chunk of await say("break", { stream: true })) void chunk;
    };
    await assert.rejects(read, (error) => error instanceof OpenAI.APIError && error.code === "model_broke_off");
  },

  async cancellation() {
    const began = Date.now();
    const stream = await say("slow", { stream: true });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) stream.controller.abort();
    }
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 500);
    await assert.rejects(say("slow", {}, { signal: stop.signal }), OpenAI.APIUserAbortError);
    assert.ok(Date.now() - began < 5_000);
  },
};

for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log(`ok    node ${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAIL  node ${name}: ${error}`);
  }
}
