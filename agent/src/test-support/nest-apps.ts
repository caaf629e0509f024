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
  VERSION_NEUTRAL,
  VersioningType,
} from '@nestjs/common'
import { NestFactory, RouterModule } from '@nestjs/core'
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

function decorate(controller: { readonly prototype: object }, name: string, ...decorators: MethodDecorator[]): void {
  const { prototype } = controller
  for (const decorator of decorators)
    decorator(prototype, name, Reflect.getOwnPropertyDescriptor(prototype, name) ?? {})
}
Controller('tenants/:tenant/orders')(Orders)
Param('id')(Orders.prototype, 'one', 0)
decorate(Orders, 'one', Get(':id'))
decorate(Orders, 'fails', Get('fails/:id'))
decorate(Orders, 'refused', Get('refused/:id'), UseGuards(Refuses))
decorate(Orders, 'make', Post())
class OrdersOfVersion2 {
  one(): string {
    return 'version 2'
  }
}
Controller({ path: 'tenants/:tenant/orders', version: '2' })(OrdersOfVersion2)
decorate(OrdersOfVersion2, 'one', Get(':id'))

/** Outside of the prefix and of all versions. */
class Health {
  one(): string {
    return 'well'
  }
}
Controller({ path: 'health', version: VERSION_NEUTRAL })(Health)
decorate(Health, 'one', Get(':probe'))

class Reports {
  one(): string {
    return 'report'
  }
}
Controller('reports')(Reports)
decorate(Reports, 'one', Get(':id'))
class ReportsModule {}
Module({ controllers: [Reports] })(ReportsModule)
class App {}
Module({
  controllers: [Orders, OrdersOfVersion2, Health],
  imports: [ReportsModule, RouterModule.register([{ path: 'houses/:house', module: ReportsModule }])],
})(App)

export async function serveNest(): Promise<Record<string, number>> {
  const ports: Record<string, number> = {}
  const adapters = { nestOnExpress: () => new ExpressAdapter(), nestOnFastify: () => new FastifyAdapter() }
  const versions = {
    '': { type: VersioningType.URI, defaultVersion: '1' },
    ByHeader: { type: VersioningType.HEADER, header: 'x-version', defaultVersion: '1' },
  } as const
  for (const [name, adapter] of Object.entries(adapters)) {
    for (const [way, versioning] of Object.entries(versions)) {
      const app = await NestFactory.create(App, adapter(), { logger: false })
      app.setGlobalPrefix('api', { exclude: ['health/:probe'] })
      app.enableVersioning(versioning)
      await app.listen(0, '127.0.0.1')
      ports[name + way] = ((app.getHttpServer() as Server).address() as AddressInfo).port
    }
  }
  return ports
}
