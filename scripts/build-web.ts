/**
 * Builds the UI when its sources, or what it is built with, have changed since the last build.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { glob, readFile, writeFile } from 'node:fs/promises'

const STAMP = 'web/dist/.built-from'

const hash = createHash('sha256')
const sources = ['package-lock.json', 'src/server/wire.ts']
for await (const file of glob('web/**/*', {
  withFileTypes: true,
  exclude: (entry) => ['node_modules', 'dist', 'dev'].includes(entry.name),
})) {
  if (file.isFile()) sources.push(`${file.parentPath}/${file.name}`)
}
for (const file of sources.toSorted()) hash.update(file).update(await readFile(file))
const digest = hash.digest('hex')

if ((await readFile(STAMP, 'utf8').catch(() => '')) !== digest) {
  process.stderr.write('Building the UI\n')
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ['../node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'],
    {
      cwd: 'web',
      encoding: 'utf8',
    },
  )
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}The UI can't be built; the lines above say why.\n`)
    process.exit(1)
  }
  await writeFile(STAMP, digest)
}
