//! The aggregates that have an exact form, and what each makes of its sums.

use gradframe_ml_learn::exact::{Crossed, Divisor, Joint, Spread, Total};

use crate::functions::sliding::Statistic as Moving;

/// An aggregate of floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::functions) enum Statistic {
    Sum,
    Mean,
    Variance(Divisor),
    Deviation(Divisor),
    Covariance(Divisor),
    Correlation,
    Slope,
    Intercept,
    Determination,
    MeanX,
    MeanY,
    SquaresX,
    SquaresY,
    Products,
}

/// The exact sums that a statistic is of, and its value.
pub(super) enum Of {
    Total(fn(&Total) -> Option<f64>),
    Spread(fn(&Spread) -> Option<f64>),
    Crossed(fn(&Crossed) -> Option<f64>),
    Joint(fn(&Joint) -> Option<f64>),
}

impl Statistic {
    /// Of a regression's aggregate by its name.
    pub(in crate::functions) fn of_line(name: &str) -> Option<Self> {
        Some(match name {
            "regr_slope" => Statistic::Slope,
            "regr_intercept" => Statistic::Intercept,
            "regr_r2" => Statistic::Determination,
            "regr_avgx" => Statistic::MeanX,
            "regr_avgy" => Statistic::MeanY,
            "regr_sxx" => Statistic::SquaresX,
            "regr_syy" => Statistic::SquaresY,
            "regr_sxy" => Statistic::Products,
            _ => return None,
        })
    }

    pub(super) fn of(self) -> Of {
        match self {
            Statistic::Sum => Of::Total(Total::sum),
            Statistic::Mean => Of::Total(Total::mean),
            Statistic::Variance(Divisor::Sample) => Of::Spread(|of| of.variance(Divisor::Sample)),
            Statistic::Variance(Divisor::Population) => Of::Spread(|of| of.variance(Divisor::Population)),
            Statistic::Deviation(Divisor::Sample) => Of::Spread(|of| of.deviation(Divisor::Sample)),
            Statistic::Deviation(Divisor::Population) => Of::Spread(|of| of.deviation(Divisor::Population)),
            Statistic::Covariance(Divisor::Sample) => Of::Crossed(|of| of.covariance(Divisor::Sample)),
            Statistic::Covariance(Divisor::Population) => Of::Crossed(|of| of.covariance(Divisor::Population)),
            Statistic::Correlation => Of::Joint(Joint::correlation),
            Statistic::Slope => Of::Joint(Joint::slope),
            Statistic::Intercept => Of::Joint(Joint::intercept),
            Statistic::Determination => Of::Joint(Joint::determination),
            Statistic::MeanX => Of::Joint(Joint::mean_x),
            Statistic::MeanY => Of::Joint(Joint::mean_y),
            Statistic::SquaresX => Of::Joint(Joint::squares_x),
            Statistic::SquaresY => Of::Joint(Joint::squares_y),
            Statistic::Products => Of::Joint(Joint::products),
        }
    }
}

impl From<Moving> for Statistic {
    fn from(moving: Moving) -> Self {
        match moving {
            Moving::Sum => Statistic::Sum,
            Moving::Mean => Statistic::Mean,
            Moving::Variance => Statistic::Variance(Divisor::Sample),
            Moving::PopulationVariance => Statistic::Variance(Divisor::Population),
            Moving::Deviation => Statistic::Deviation(Divisor::Sample),
            Moving::PopulationDeviation => Statistic::Deviation(Divisor::Population),
            Moving::Covariance => Statistic::Covariance(Divisor::Sample),
            Moving::PopulationCovariance => Statistic::Covariance(Divisor::Population),
            Moving::Correlation => Statistic::Correlation,
        }
    }
}
