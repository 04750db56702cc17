import { Test } from '@nestjs/testing';
import { ConfigModule, type Environment } from '../config';
import { AiProvidersModule } from './ai-providers.module';
import { PriceCatalog } from './pricing/price-catalog';
import { ProviderFactory } from './provider-factory.service';
import { AI_PROVIDERS, ProviderList } from './providers';
import { EchoProvider } from './providers/echo.provider';
import { ProviderCalls, RetryInterceptor } from './retry';
import { OutboundPolicy, ProviderTransport } from './transport';

const environment = {
  customBaseUrl: 'allowlist',
  allowedHosts: ['127.0.0.1:11434'],
} as unknown as Environment;

function testingModule() {
  return Test.createTestingModule({
    imports: [ConfigModule.register(environment), AiProvidersModule],
  });
}

describe('AiProvidersModule', () => {
  it('gives the factory, the transport, the prices and the calls, and closes the transport', async () => {
    const app = await testingModule().compile();
    for (const token of [ProviderFactory, PriceCatalog, ProviderCalls, RetryInterceptor]) {
      expect(app.get(token, { strict: false })).toBeInstanceOf(token);
    }
    const ids = app
      .get(ProviderFactory)
      .list()
      .map((description) => description.id);
    expect(ids).toEqual(AI_PROVIDERS.map((entry) => entry.description.id));
    const close = jest.spyOn(app.get(ProviderTransport), 'close');
    await app.close();
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('takes the outbound policy from the environment', async () => {
    const app = await testingModule().compile();
    const policy = app.get(OutboundPolicy);
    expect(policy.checkBaseUrl('http://127.0.0.1:11434/v1')).toBe('http://127.0.0.1:11434/v1');
    expect(() => policy.checkBaseUrl('https://api.example.com')).toThrow('allow-list');
    await app.close();
  });

  it('runs a provider call through the retries', async () => {
    const app = await testingModule().compile();
    await app.init();
    const provider = app.get(ProviderFactory).createProvider('echo', null);
    const result = await app.get(ProviderCalls).run({
      provider,
      params: { model: 'echo', messages: [{ role: 'user', content: 'Hi.' }] },
      retry: { deadlineAt: performance.now() + 5000 },
    });
    expect(result.output.content).toBe('Hi.');
    await app.close();
  });

  it('lets another list of providers take the place of ours', async () => {
    const app = await testingModule()
      .overrideProvider(ProviderList)
      .useValue(new ProviderList([EchoProvider]))
      .compile();
    expect(app.get(ProviderFactory).list()).toEqual([EchoProvider.description]);
    await app.close();
  });
});
