/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

/**
 * One isolate of an edge function, as a worker: its own modules, its own pool state, its own console.
 */

import { getApiKey, randomBelow } from "./key_pool.ts";
import type { Boot, FromIsolate, Level, ToIsolate } from "./messages.ts";

let boot: Boot | undefined;

self.onmessage = async (event: MessageEvent<ToIsolate>) => {
  const message = event.data;
  if (message.kind === "boot") {
    boot = message;
    post({ kind: "booted", executionId: boot.executionId, at: Date.now() });
    console.log("Listening on http://localhost:9999/");
  } else if (boot !== undefined) {
    await handleRequest(boot);
  }
  post({ kind: "done" });
};

/** Pick a key (or two, as a function does that routes a request on), each followed by a short pretended call. */
async function handleRequest({ pool, secrets, rotation, picksPerRequest }: Boot): Promise<void> {
  try {
    for (let pick = 0; pick < picksPerRequest; pick++) {
      getApiKey(pool, (name) => secrets[name], rotation);
      // At least two milliseconds, so that the picks of one isolate never share a timestamp.
      await new Promise((resolve) => setTimeout(resolve, 2 + randomBelow(3)));
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
  }
}

function post(message: FromIsolate): void {
  self.postMessage(message);
}

function capture(level: Level): (...values: unknown[]) => void {
  return (...values) => {
    const text = values.map((value) => typeof value === "string" ? value : Deno.inspect(value)).join(" ");
    post({
      kind: "console",
      executionId: boot?.executionId ?? "",
      at: Date.now(),
      level,
      message: `${text}\n`,
    });
  };
}

console.log = capture("info");
console.warn = capture("warning");
console.error = capture("error");
