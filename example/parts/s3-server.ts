/** The process behind `s3.ts`: `node --openssl-legacy-provider s3-server.ts DIR PORT BUCKET`. */
import { createRequire } from 'node:module'

type S3rver = new (options: {
  readonly address: string
  readonly port: number
  readonly directory: string
  readonly silent: boolean
  readonly configureBuckets: readonly { readonly name: string; readonly configs: readonly string[] }[]
}) => { run(): Promise<unknown> }

// It inherits a `default` from its framework, so an import would get the wrong class.
const Server = createRequire(import.meta.url)('s3rver') as S3rver
const [directory = '', port = '', bucket = ''] = process.argv.slice(2)

await new Server({
  address: '127.0.0.1',
  port: Number(port),
  directory,
  silent: true,
  configureBuckets: [{ name: bucket, configs: [] }],
}).run()
