/** Frameworks that are to be bundled into the application: no `require` ever shows them. */
import { createServer } from 'node:http'
import express5 from 'express'
// @ts-expect-error: an older release under another name, without types
import express4 from 'express4'
import fastify5 from 'fastify'
import fastify4 from 'fastify4'
import { expressApp, type Frameworks, fastifyApp, listen, portOf } from './framework-apps.ts'

const both = { express4, express5 } as unknown as Pick<Frameworks, 'express4' | 'express5'>
const ports: Record<string, number> = {}
for (const name of ['express4', 'express5'] as const)
  ports[name] = await listen(createServer(expressApp(both[name], name, both)))
for (const [name, fastify] of Object.entries({ fastify4, fastify5 })) {
  const app = fastifyApp(fastify as unknown as Frameworks['fastify5'])
  await app.listen({ port: 0, host: '127.0.0.1' })
  ports[name] = portOf(app.server)
}
console.log(JSON.stringify(ports))
