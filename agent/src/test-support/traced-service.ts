/** A service that OpenTelemetry traces: its SDK is registered as its users do, before the server is made. */
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import express from 'express'

const provider = new NodeTracerProvider()
provider.register()
const instrumentation = new HttpInstrumentation()
instrumentation.setTracerProvider(provider)
instrumentation.enable()
// It sees what is required after it.
const { createServer } = createRequire(import.meta.url)('node:http') as typeof import('node:http')

const app = express()
app.get('/traced/:id', (_request, response) => void setImmediate(() => void response.send('traced')))
const server = createServer(app).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }))
})
