/**
 * Runs the key rotation in real isolates and prints their logs; `--help` lists the options.
 *
 * This is a real run: starts are drawn from the system's random source and times are read from the clock, so
 * no two runs print the same. There is no seed.
 */

import { type PoolKeyName, poolName, randomBelow } from "./key_pool.ts";
import type { FromIsolate, Level, ToIsolate } from "./messages.ts";
import { type Options, readOptions, type Shape, usage, UsageError } from "./options.ts";

const aliveAtOnce = 8;

/** A row of the dashboard's export. The fields are in alphabetical order, as they are there. */
interface Row {
  event_message: string;
  event_type: "Boot" | "Log" | "Shutdown";
  execution_id: string;
  function_id: string;
  id: string;
  level: Level | "log";
  /** Microseconds since the epoch; the platform keeps milliseconds, so it ends in 000. */
  timestamp: number;
}

/** Live all the isolates of the run, a few at a time, and return their rows in the order of their times. */
async function runIsolates(options: Options): Promise<Row[]> {
  const secrets = makeSecrets(options);
  const functionIds = new Map(options.pools.map((pool) => [pool, crypto.randomUUID()]));
  const waiting = shuffle(options.pools.flatMap((pool) => Array<PoolKeyName>(options.isolates).fill(pool)));
  const rows: Row[] = [];
  const slot = async () => {
    for (let pool = waiting.pop(); pool !== undefined; pool = waiting.pop()) {
      await runIsolate(pool, functionIds.get(pool)!, secrets, options, rows);
    }
  };
  await Promise.all(Array.from({ length: aliveAtOnce }, slot));
  // The sort is stable: the rows of one isolate that share a millisecond stay in the order of their logging.
  return rows.sort((a, b) => a.timestamp - b.timestamp);
}

/** One isolate from boot to shutdown; what it logs is added to `rows`. */
async function runIsolate(
  pool: PoolKeyName,
  functionId: string,
  secrets: Record<string, string>,
  options: Options,
  rows: Row[],
): Promise<void> {
  const executionId = crypto.randomUUID();
  const add = (at: number, type: Row["event_type"], level: Row["level"], message: string) => {
    rows.push({
      event_message: message,
      event_type: type,
      execution_id: executionId,
      function_id: functionId,
      id: crypto.randomUUID(),
      level,
      timestamp: at * 1000,
    });
  };

  const createdAt = Date.now();
  const worker = new Worker(new URL("./isolate.ts", import.meta.url), { type: "module", name: executionId });
  let answer = Promise.withResolvers<void>();
  worker.onmessage = ({ data }: MessageEvent<FromIsolate>) => {
    if (data.kind === "booted") add(data.at, "Boot", "log", `booted (time: ${data.at - createdAt}ms)`);
    else if (data.kind === "console") add(data.at, "Log", data.level, data.message);
    else answer.resolve();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    answer.reject(new Error(`an isolate of ${poolName(pool)} failed: ${event.message}`));
  };
  const send = (message: ToIsolate): Promise<void> => {
    answer = Promise.withResolvers<void>();
    worker.postMessage(message);
    return answer.promise;
  };

  try {
    const { rotation, picks: picksPerRequest, requests: [fewest, most] } = options;
    await send({ kind: "boot", executionId, pool, secrets, rotation, picksPerRequest });
    const requests = fewest + randomBelow(most - fewest + 1);
    for (let request = 0; request < requests; request++) {
      await send({ kind: "request" });
    }
  } finally {
    worker.terminate();
  }
  add(Date.now(), "Shutdown", "log", "shutdown");
}

/** Made-up secrets for one run, of the right format except where a wrong one is asked for. */
function makeSecrets({ missing, invalid }: Options): Record<string, string> {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  const secrets: Record<string, string> = {};
  for (let number = 1; number <= 10; number++) {
    if (missing.includes(number)) continue;
    const length = invalid.includes(number) ? 12 : 33;
    const tail = Array.from({ length }, () => alphabet[randomBelow(alphabet.length)]);
    secrets[`GOOGLE_KEY_${number}`] = `AIzaSy${tail.join("")}`;
  }
  return secrets;
}

function shuffle<Item>(items: Item[]): Item[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = randomBelow(last + 1);
    [items[last], items[other]] = [items[other], items[last]];
  }
  return items;
}

/** The rows (oldest first) as the text of an export. */
function render(rows: readonly Row[], shape: Shape): string {
  switch (shape) {
    case "json":
      return `[\n${rows.toReversed().map((row) => `  ${JSON.stringify(row)}`).join(",\n")}\n]\n`;
    case "ndjson":
      return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    case "text":
      return rows.filter((row) => row.event_type === "Log").map((row) => row.event_message).join("");
  }
}

async function print(text: string): Promise<void> {
  try {
    await new Blob([text]).stream().pipeTo(Deno.stdout.writable);
  } catch (error) {
    // The reader has seen enough (`| head`).
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    await print(usage);
    return 0;
  }
  try {
    const options = readOptions(args);
    await print(render(await runIsolates(options), options.shape));
    return 0;
  } catch (error) {
    console.error(`main.ts: ${error instanceof Error ? error.message : error}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
