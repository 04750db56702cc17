import { IsInt } from 'class-validator';
import { MayBeAbsent } from './may-be-absent.decorator';
import { RequestValidationPipe } from './request-validation.pipe';

class Optional {
  @MayBeAbsent()
  @IsInt()
  overlapSeconds = 60;
}

class Required {
  @IsInt()
  overlapSeconds: number;
}

describe('a request without a body', () => {
  const pipe = new RequestValidationPipe();

  it('is one with an empty body: all that may be absent is', async () => {
    const body = await pipe.transform(undefined, { type: 'body', metatype: Optional });
    expect(body).toEqual({ overlapSeconds: 60 });
  });

  it('is told which fields are missing', async () => {
    await expect(
      pipe.transform(undefined, { type: 'body', metatype: Required }),
    ).rejects.toMatchObject({
      code: 'validation_failed',
      options: { fields: [{ pointer: '/overlapSeconds' }] },
    });
  });
});
