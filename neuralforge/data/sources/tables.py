"""Classic tables that lie inside scikit-learn and so need no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuralforge.data.arrays import from_arrays
from neuralforge.data.options import Params
from neuralforge.data.source import DataSource, RawData


@dataclass(frozen=True, kw_only=True)
class NoParams(Params):
    """These sets are what they are: no options."""


class _Classes(DataSource[NoParams]):
    """A table with named classes; subclasses say which."""

    kind = "table"
    task = "classification"
    params = NoParams

    def load(self, params: NoParams) -> RawData:
        """Read the table from scikit-learn; see `DataSource.load`."""
        from sklearn import datasets  # a second to import

        bunch: Any = getattr(datasets, f"load_{self.key}")()
        return from_arrays(
            bunch.data.astype(np.float32),
            bunch.target,
            self.key,
            classes=[str(name) for name in bunch.target_names],
            features=[str(name) for name in bunch.feature_names],
        )


class Iris(_Classes):
    """Fisher's irises."""

    key = "iris"
    title = "Iris flowers"
    summary = "150 irises by 4 lengths in cm, 3 species."
    origin = "Fisher 1936, UCI repository (CC BY 4.0), as shipped with scikit-learn."


class Wine(_Classes):
    """Wines of three growers."""

    key = "wine"
    title = "Wine"
    summary = "178 wines by 13 chemical measurements, 3 growers."
    origin = "Forina et al. 1988, UCI repository (CC BY 4.0), as shipped with scikit-learn."


class BreastCancer(_Classes):
    """Wisconsin diagnostic set."""

    key = "breast_cancer"
    title = "Breast cancer (Wisconsin)"
    summary = "569 tumours by 30 measurements of cell nuclei, malignant or benign."
    origin = "Wolberg, Street and Mangasarian 1995, UCI repository (CC BY 4.0), as shipped with scikit-learn."


class Diabetes(DataSource[NoParams]):
    """Progression of diabetes after a year."""

    key = "diabetes"
    title = "Diabetes progression"
    summary = "442 patients by 10 measurements in their own units; a score of progression after a year."
    kind = "table"
    task = "regression"
    origin = "Efron, Hastie, Johnstone and Tibshirani 2004, Least Angle Regression, as shipped with scikit-learn."
    params = NoParams

    def load(self, params: NoParams) -> RawData:
        """Read the table from scikit-learn, unscaled; see `DataSource.load`."""
        from sklearn.datasets import load_diabetes  # a second to import

        bunch: Any = load_diabetes(scaled=False)
        return from_arrays(
            bunch.data.astype(np.float32),
            bunch.target.astype(np.float32),
            self.key,
            features=[str(name) for name in bunch.feature_names],
        )


SOURCES = (Iris(), Wine(), BreastCancer(), Diabetes())
