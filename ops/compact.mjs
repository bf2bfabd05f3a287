// Compacts the LanceDB tables of a Brain, in its container (docs/runbook.md):
//
//     node --input-type=module - [<folder>] [<seconds>] < ops/compact.mjs
//
// By default the Brain's folder, and versions of the last hour stay: a query that has begun may read one. The
// Brain may go on: an addition at the same time is kept. Exit code 1 when a table could not be compacted.
import { readdir, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { connect } from "@lancedb/lancedb";

const [folder = join(process.env.JULES_AGENT_DIR ?? ".agent", "brain"), seconds = "3600"] = process.argv.slice(2);
const TRIES = 3;
const TABLE = ".lance";

async function* tables(path) {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith(".") || entry.name === "diverged") continue;
    if (entry.name.endsWith(TABLE)) yield join(path, entry.name);
    else yield* tables(join(path, entry.name));
  }
}

async function size(path) {
  const total = { files: 0, bytes: 0 };
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const found = await stat(join(entry.parentPath ?? entry.path, entry.name)).catch(() => null); // It may be gone by now.
    if (found) total.files += 1, (total.bytes += found.size);
  }
  return total;
}

async function compact(path) {
  const disk = await statfs(path);
  const data = await size(join(path, "data"));
  if (data.bytes > disk.bavail * disk.bsize)
    throw new Error(`needs ${data.bytes} free bytes: raise the company's brain.storage first`);
  const database = await connect(dirname(path));
  const table = await database.openTable(basename(path, TABLE));
  for (let attempt = 1; ; attempt++) {
    try {
      await table.optimize({ cleanupOlderThan: new Date(Date.now() - 1000 * Number(seconds)) });
      return table.countRows();
    } catch (error) {
      if (attempt === TRIES) throw error; // Another change may have come first.
      await table.checkoutLatest();
    }
  }
}

for await (const path of tables(folder)) {
  try {
    const before = await size(path);
    const rows = await compact(path);
    const after = await size(path);
    console.log(`${path}: ${rows} rows; ${before.files} files, ${before.bytes} bytes before; ` +
      `${after.files} files, ${after.bytes} bytes now`);
  } catch (error) {
    console.error(`${path}: not compacted: ${error.message}`);
    process.exitCode = 1;
  }
}
