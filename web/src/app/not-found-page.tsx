import { Button } from '@mantine/core';
import { Link } from 'react-router';
import { Page } from '../elements/page';

export function NotFoundPage() {
  return (
    <Page title="No such page" lead="The address leads nowhere. What you look for may have moved.">
      <Button component={Link} to="/" w="fit-content">
        To the keys
      </Button>
    </Page>
  );
}
