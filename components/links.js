// Fills /work with links into the image's /app. Runs again after a restart.
// The gate writes /work/mcp.json, and /work/.agent is a volume.
const fs = require("fs");

for (const entry of fs.readdirSync("/app")) {
  if ([".agent", "mcp.json"].includes(entry)) continue;
  fs.rmSync(`/work/${entry}`, { force: true, recursive: true });
  fs.symlinkSync(`/app/${entry}`, `/work/${entry}`);
}
