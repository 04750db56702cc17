import { AppError, Secret } from '../common';
import { PriceCatalog } from './pricing/price-catalog';
import type { ProviderClass, ProviderContext } from './provider-definition';
import { ProviderFactory } from './provider-factory.service';
import { AI_PROVIDERS, ProviderList } from './providers';
import { EchoProvider } from './providers/echo.provider';
import { OutboundPolicy, ProviderTransport } from './transport';

const policy = new OutboundPolicy({ customBaseUrl: 'off', allowedHosts: [] });
const transport = new ProviderTransport({ policy });

function factoryOf(...classes: readonly ProviderClass[]): ProviderFactory {
  return new ProviderFactory(transport, new PriceCatalog(), new ProviderList(classes));
}

const factory = factoryOf(...AI_PROVIDERS);
const secret = new Secret('sk-test-factory');

const made: ProviderContext[] = [];

/** Remembers what it was made with. */
class RecordingProvider extends EchoProvider {
  static override readonly description = {
    ...EchoProvider.description,
    id: 'recording' as 'echo',
    requiresKey: true as false,
  };
  constructor(context: ProviderContext) {
    super(context);
    made.push(context);
  }
}

function refusal(action: () => unknown): AppError {
  try {
    action();
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error('expected an AppError');
}

afterAll(() => transport.close());

describe('ProviderFactory', () => {
  it.each(['openai', 'anthropic'])('makes %s with a key', (type) => {
    expect(factory.createProvider(type, secret).type).toBe(type);
  });

  it('makes echo without a key', () => {
    expect(factory.createProvider('echo', null).type).toBe('echo');
  });

  it('names the known providers when the type is unknown', () => {
    for (const type of ['nope', '', 'constructor', 'OpenAI']) {
      const error = refusal(() => factory.createProvider(type, secret));
      expect(error.code).toBe('validation_failed');
      expect(error.message).toBe('Unknown provider. Known are: openai, anthropic, echo.');
      expect(error.options.fields?.[0]?.pointer).toBe('/provider');
    }
    expect(refusal(() => factory.describe('nope')).code).toBe('validation_failed');
  });

  it.each([null, new Secret(''), new Secret(' \n')])('needs a key, and %p is none', (key) => {
    expect(refusal(() => factory.createProvider('openai', key)).code).toBe('provider_key_missing');
  });

  it.each(['sk-test\r\nx-evil: 1', 'sk-test key', 'sk-tést', 'sk-test\u0000'])(
    'refuses %j before it could reach a header, and does not repeat it',
    (key) => {
      const error = refusal(() => factory.createProvider('anthropic', new Secret(key)));
      expect(error.code).toBe('validation_failed');
      expect(JSON.stringify([error.message, error.options])).not.toContain(key);
    },
  );

  it('describes every provider of the list and no other', () => {
    expect(factory.list()).toEqual(AI_PROVIDERS.map((entry) => entry.description));
    expect(factory.describe('anthropic').keyPrefixes).toEqual(['sk-ant-']);
    expect(factoryOf(EchoProvider).list()).toEqual([EchoProvider.description]);
  });

  it('hands over the key, the destination and the way out', () => {
    const own = factoryOf(RecordingProvider);
    const other = new ProviderTransport({ policy });
    const baseUrl = 'https://gateway.example/v1';
    own.createProvider('recording', secret, { baseUrl, transport: other });
    own.createProvider('recording', secret);
    expect(made[0]).toMatchObject({ secret, baseUrl, transport: other });
    expect(made[1]).toMatchObject({ baseUrl: null });
    expect(made[0]?.transport).toBe(other);
    expect(made[1]?.transport).toBe(transport);
    expect(made[1]?.clients).toBe(made[0]?.clients);
  });
});
