import { verificationList, type VerificationSubject } from './verification-list';

const VENDORS = [
  { variable: 'OPENAI_API_KEY', provider: 'openai', model: 'gpt-4o-mini' },
  { variable: 'ANTHROPIC_API_KEY', provider: 'anthropic', model: 'claude-haiku-4-5' },
] as const;

for (const { variable, provider, model } of VENDORS) {
  const apiKey = process.env[variable]?.trim() ?? '';
  describe(`the verification list on ${provider}`, () => {
    if (apiKey === '') {
      // A suite without any test would fail; this one says why there is nothing to see.
      it(`skipped: ${variable} is not set`, () => {
        process.stdout.write(`skipped: ${variable} is not set\n`);
      });
    } else {
      const subject: VerificationSubject = { provider, model, apiKey };
      verificationList({ subject: () => subject });
    }
  });
}
