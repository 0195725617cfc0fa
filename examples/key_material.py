"""Key material that is wiped, shows itself to nobody by accident, and is missed when it was forgotten.

Run it:  python examples/key_material.py
"""

import hmac

import lifetrack


def sign(key, message):
    with key.exposed() as view:  # a memoryview that ends with the block
        return hmac.digest(view, message, "sha256")


def forget():
    lifetrack.SecretBytes.random(32)  # nobody wipes it


if __name__ == "__main__":
    lifetrack.start(policy="record", report=False)
    with lifetrack.SecretBytes.random(32) as key:
        tag = sign(key, b"message")
        print(f"{key!r} signed the message: {hmac.compare_digest(tag, sign(key, b'message'))}")
        try:
            print(key)
        except TypeError as error:
            print(f"TypeError: {error}")
    try:
        sign(key, b"another message")
    except lifetrack.UseAfterReleaseError as error:
        print(f"UseAfterReleaseError: {error}")
    forget()
    for finding in lifetrack.report().findings:
        print(f"{finding.rule} {finding.name}: {finding.message.partition(' at ')[0]} ... line {finding.site.line}")
    print(lifetrack.find_leaks()[0].message.partition(" holds ")[2])
