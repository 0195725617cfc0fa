"""Values: what lifetrack knows, as small immutable things that never hold a tracked object."""
