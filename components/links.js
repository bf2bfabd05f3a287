// Fills /work with links into the image's /app, and one to the mounted mcp.json. Runs again after a restart.
const fs = require("fs");

const link = (target, path) => {
  fs.rmSync(path, { force: true, recursive: true });
  fs.symlinkSync(target, path);
};

for (const entry of fs.readdirSync("/app")) {
  if (![".agent", "mcp.json"].includes(entry)) link(`/app/${entry}`, `/work/${entry}`);
}
link(`${process.env.CONFIGURATION}/mcp.json`, "/work/mcp.json");
