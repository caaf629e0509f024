/** The same NestJS application on Express and on Fastify. Decorators are called as the functions they are: erasable types have none. */
import 'reflect-metadata'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type CanActivate,
  Controller,
  ForbiddenException,
  Get,
  Module,
  Param,
  Post,
  UseGuards,
  VersioningType,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'

class Refuses implements CanActivate {
  canActivate(): boolean {
    throw new ForbiddenException()
  }
}

class Orders {
  one(id: string): string {
    return id
  }
  fails(): never {
    throw new Error('fails')
  }
  refused(): string {
    return 'never'
  }
  make(): string {
    return 'made'
  }
}

const on = (name: keyof Orders, ...decorators: MethodDecorator[]): void => {
  for (const decorate of decorators)
    decorate(Orders.prototype, name, Reflect.getOwnPropertyDescriptor(Orders.prototype, name) ?? {})
}
Controller('tenants/:tenant/orders')(Orders)
Param('id')(Orders.prototype, 'one', 0)
on('one', Get(':id'))
on('fails', Get('fails/:id'))
on('refused', Get('refused/:id'), UseGuards(Refuses))
on('make', Post())
class App {}
Module({ controllers: [Orders] })(App)

export async function serveNest(): Promise<Record<string, number>> {
  const ports: Record<string, number> = {}
  for (const [name, adapter] of [
    ['nestOnExpress', new ExpressAdapter()],
    ['nestOnFastify', new FastifyAdapter()],
  ] as const) {
    const app = await NestFactory.create(App, adapter, { logger: false })
    app.setGlobalPrefix('api')
    app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' })
    await app.listen(0, '127.0.0.1')
    ports[name] = ((app.getHttpServer() as Server).address() as AddressInfo).port
  }
  return ports
}
