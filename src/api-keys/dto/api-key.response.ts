import { ApiProperty } from '@nestjs/swagger';
import { PROVIDER_ERROR_CATEGORIES } from '../../ai-providers';
import { API_KEY_HEALTH, type ApiKeyEntity, type ApiKeyHealth } from '../api-key.entity';

export const API_KEY_STATUSES = [...API_KEY_HEALTH, 'disabled'] as const;

export class ApiKeyResponse {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'openai' })
  provider: string;

  @ApiProperty()
  label: string;

  @ApiProperty({
    description: 'Last four characters of the key; empty for a key under 12 characters',
  })
  last4: string;

  @ApiProperty({
    enum: API_KEY_STATUSES,
    description:
      'untested: never used; active: worked last; invalid: the provider refused it; rate_limited: the provider asks to wait; unreadable: the stored key could not be opened; disabled: switched off',
  })
  status: ApiKeyHealth | 'disabled';

  @ApiProperty({ type: String, nullable: true, description: 'null: the address of the vendor' })
  baseUrl: string | null;

  @ApiProperty({ description: 'Keys of one provider are used in ascending order' })
  priority: number;

  @ApiProperty()
  enabled: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastTestedAt: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Accurate to a minute',
  })
  lastUsedAt: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export class SavedApiKeyResponse extends ApiKeyResponse {
  @ApiProperty({
    type: [String],
    description:
      'What looks wrong about the key, e.g. the prefix of another vendor. It is saved all the same',
  })
  warnings: string[];
}

export const TEST_CATEGORIES = [
  'ok',
  'provider_key_unreadable',
  ...PROVIDER_ERROR_CATEGORIES,
] as const;

export type TestCategory = (typeof TEST_CATEGORIES)[number];

export class TestApiKeyResponse {
  @ApiProperty({ description: 'Whether the provider accepted the key' })
  ok: boolean;

  @ApiProperty({ enum: TEST_CATEGORIES, description: 'ok, or the reason' })
  category: TestCategory;

  @ApiProperty({ description: 'What the reason means and what to do' })
  message: string;

  @ApiProperty({ description: 'Duration of the call in milliseconds', type: 'integer' })
  latencyMs: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'A model that the key may use, as an example',
  })
  model: string | null;
}

/** The public face of a key. There is no way from here to the secret. */
export function presentApiKey(key: ApiKeyEntity): ApiKeyResponse {
  return {
    id: key.id,
    provider: key.provider,
    label: key.label,
    last4: key.last4,
    status: key.enabled ? key.health : 'disabled',
    baseUrl: key.baseUrl,
    priority: key.priority,
    enabled: key.enabled,
    lastTestedAt: key.lastTestedAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    createdAt: key.createdAt.toISOString(),
    updatedAt: key.updatedAt.toISOString(),
  };
}
