"""Tests of :mod:`unittest`: what each test, class and module acquires is its own."""
