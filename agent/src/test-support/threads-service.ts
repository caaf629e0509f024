/**
 * A service that starts threads, each with a plain server of its own. GET /spawn answers with the port of a new thread; GET /end?port ends that
 * thread, and answers when it has ended. With SPAWN_OFF=1 threads are started with ASSAY_AGENT=off.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { counter } from '../index.ts'

const jobs = counter('shop_jobs_total', { help: 'Jobs.' })
const server = createServer((request, response) => {
  response.setHeader('connection', 'close')
  answer(request.url ?? '').then((text) => response.end(text))
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  if (isMainThread) console.log(JSON.stringify({ port }))
  else parentPort?.postMessage(port)
})

const threads = new Map<string, Worker>()
async function answer(url: string): Promise<string> {
  jobs.inc()
  if (url === '/spawn') {
    const env = process.env['SPAWN_OFF'] === '1' ? { ...process.env, ASSAY_AGENT: 'off' } : process.env
    const thread = new Worker(new URL(import.meta.url), { env })
    const port = await new Promise<number>((resolve) => thread.once('message', resolve))
    threads.set(String(port), thread)
    return String(port)
  }
  const [, port = ''] = url.split('/end?')
  const thread = threads.get(port)
  if (thread !== undefined) await thread.terminate()
  return 'ok'
}
