/** The command line of main.ts. */

import { keyMapping, type PoolKeyName, poolName, type Rotation } from "./key_pool.ts";

export const usage = `Run the key rotation in real isolates and print what they log.

  --pool CHAT|ARTIFACT|IMAGE|all   pool to run (default all: every pool)
  --isolates N                     isolates per pool, 1 to 10000 (default 20)
  --requests A | A-B               requests per isolate, uniform between A and B (default 1-6)
  --picks 1|2                      keys picked per request (default 1)
  --start random|first             first key of an isolate (default random; first is a fault)
  --advance next|stuck             key after a pick (default next; stuck is a fault)
  --missing N[,N...]               secrets that are not set
  --invalid N[,N...]               secrets of a wrong format
  --shape json|ndjson|text         dashboard export newest first, rows oldest first, or console lines

Example: deno task run --pool ARTIFACT --isolates 50 --missing 3
`;

export type Shape = "json" | "ndjson" | "text";

export interface Options {
  pools: PoolKeyName[];
  isolates: number;
  /** Fewest and most requests of an isolate. */
  requests: [number, number];
  picks: number;
  rotation: Rotation;
  missing: number[];
  invalid: number[];
  shape: Shape;
}

/** The command line is wrong. The message is one line. */
export class UsageError extends Error {}

const allPools = Object.keys(keyMapping) as PoolKeyName[];

const flags = [
  "--pool",
  "--isolates",
  "--requests",
  "--picks",
  "--start",
  "--advance",
  "--missing",
  "--invalid",
  "--shape",
];

/** Read the options from the arguments `--flag value` and `--flag=value`. */
export function readOptions(args: readonly string[]): Options {
  const given = readFlags(args);
  const pool = choice(given, "--pool", ["all", ...allPools.map(poolName)]);
  return {
    pools: allPools.filter((name) => pool === "all" || poolName(name) === pool),
    isolates: wholeNumber("--isolates", given.get("--isolates") ?? "20", 1, 10_000),
    requests: requestRange(given.get("--requests") ?? "1-6"),
    picks: Number(choice(given, "--picks", ["1", "2"])),
    rotation: {
      start: choice(given, "--start", ["random", "first"]),
      advance: choice(given, "--advance", ["next", "stuck"]),
    },
    missing: keyNumbers(given, "--missing"),
    invalid: keyNumbers(given, "--invalid"),
    shape: choice(given, "--shape", ["json", "ndjson", "text"]),
  };
}

function readFlags(args: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  const rest = [...args];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [flag, ...inline] = argument.split("=");
    if (!flags.includes(flag)) {
      throw new UsageError(
        `unknown option ${JSON.stringify(flag)}; known are ${flags.join(", ")} and --help`,
      );
    }
    const value = inline.length > 0 ? inline.join("=") : rest.shift();
    if (value === undefined) throw new UsageError(`${flag} needs a value; see --help`);
    if (given.has(flag)) throw new UsageError(`${flag} is given twice`);
    given.set(flag, value);
  }
  return given;
}

/** One of the allowed values; the first is the default. */
function choice<Value extends string>(
  given: ReadonlyMap<string, string>,
  flag: string,
  allowed: readonly [Value, ...Value[]],
): Value {
  const text = given.get(flag) ?? allowed[0];
  const value = allowed.find((candidate) => candidate === text);
  if (value === undefined) {
    throw new UsageError(`${flag} is ${JSON.stringify(text)}; allowed: ${allowed.join(", ")}`);
  }
  return value;
}

function requestRange(text: string): [number, number] {
  const parts = text.split("-");
  if (parts.length > 2) throw new UsageError(`--requests is ${JSON.stringify(text)}; write 3 or 1-6`);
  const [fewest, most] = [parts[0], parts[parts.length - 1]].map((part) =>
    wholeNumber("--requests", part, 0, 10_000)
  );
  if (fewest > most) {
    throw new UsageError(`--requests is ${JSON.stringify(text)}; the smaller number comes first`);
  }
  return [fewest, most];
}

function keyNumbers(given: ReadonlyMap<string, string>, flag: string): number[] {
  const text = given.get(flag);
  const highest = Math.max(...Object.values(keyMapping).flat());
  return text === undefined ? [] : text.split(",").map((part) => wholeNumber(flag, part, 1, highest));
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) {
    throw new UsageError(
      `${flag} is ${JSON.stringify(text)}; a whole number from ${least} to ${most} is needed`,
    );
  }
  return value;
}
