"""The scalar process that spin-up calls from Python: the compiled step's own numbers, without a compiler."""

import pytest

from terraflux.model.decomposition import litter_quality


def test_a_process_called_plainly_equals_the_compiled_one_to_the_last_bits():
    plain = litter_quality.plain(25.0, 42.0, 0.24)
    assert plain == pytest.approx(litter_quality(25.0, 42.0, 0.24), rel=1e-15, abs=0.0)
    assert len(plain) == len(litter_quality.returns)
