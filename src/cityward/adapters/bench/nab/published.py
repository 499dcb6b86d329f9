"""What NAB published of other detectors, file by file, so that they can be compared on whichever files are at hand.

Raw scores of `results/<detector>/<detector>_<profile>_scores.csv` of github.com/numenta/NAB (MIT; Copyright (c) Numenta,
Inc.), to four places. Each is at the one threshold that was best over *all* 58 files.
"""

from __future__ import annotations

from collections.abc import Sequence

from cityward.adapters.bench.nab.corpus import Series
from cityward.adapters.bench.nab.score import PROFILES, STANDARD, Profile, normalised

LOW_FP, LOW_FN = PROFILES[1], PROFILES[2]
COLUMNS: tuple[tuple[str, Profile], ...] = (
    ("ARTime", STANDARD),
    ("ARTime", LOW_FP),
    ("ARTime", LOW_FN),
    ("CAD OSE", STANDARD),
    ("CAD OSE", LOW_FP),
    ("CAD OSE", LOW_FN),
    ("Numenta HTM", STANDARD),
    ("KNN-CAD", STANDARD),
)
ON_ALL_58 = {"ARTime": 74.9, "CAD OSE": 69.9, "Numenta HTM": 70.1, "KNN-CAD": 58.0}
"""Normalised, standard profile."""

RAW = """
artificialNoAnomaly/art_daily_no_noise -0.1100 -0.2200 -0.1100 0.0 0.0 0.0 0.0 -0.1100
artificialNoAnomaly/art_daily_perfect_square_wave 0.0 0.0 0.0 -0.1100 -0.2200 -0.1100 0.0 0.0
artificialNoAnomaly/art_daily_small_noise 0.0 0.0 0.0 -0.3300 -0.2200 -0.3300 0.0 -0.4400
artificialNoAnomaly/art_flatline 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0
artificialNoAnomaly/art_noisy 0.0 0.0 0.0 0.0 0.0 0.0 0.0 -0.2200
artificialWithAnomaly/art_daily_flatmiddle 0.8040 0.7544 0.8040 0.7955 0.8576 0.7955 0.4411 0.6181
artificialWithAnomaly/art_daily_jumpsdown 0.9935 0.8589 0.9935 0.6585 0.6407 0.6585 0.7489 -1.4394
artificialWithAnomaly/art_daily_jumpsup 0.8589 0.8589 0.8589 0.8607 0.8607 0.8607 0.7489 0.6407
artificialWithAnomaly/art_daily_nojump -1.1100 -1.2200 -2.1100 -1.3300 -1.4400 -2.3300 -1.0000 -1.3294
artificialWithAnomaly/art_increase_spike_density 0.8460 0.8460 0.8460 0.8624 0.8624 0.8624 0.6407 0.5328
artificialWithAnomaly/art_load_balancer_spikes 0.0494 -0.8306 0.0494 0.4904 0.2704 0.4904 0.7348 0.4082
realAWSCloudwatch/ec2_cpu_utilization_24ae8d 1.6317 1.5217 1.6317 1.7231 1.7231 1.7231 1.3860 -0.4684
realAWSCloudwatch/ec2_cpu_utilization_53ea38 0.3980 -0.0418 0.3980 1.1227 -0.0012 1.1227 1.3044 -1.1570
realAWSCloudwatch/ec2_cpu_utilization_5f5533 1.6977 1.6977 1.6977 1.5140 1.5140 1.5140 1.7160 1.6234
realAWSCloudwatch/ec2_cpu_utilization_77c1ca 0.2501 -0.4941 0.2501 0.4633 0.0762 0.4633 0.8073 0.5966
realAWSCloudwatch/ec2_cpu_utilization_825cc2 0.8196 0.6850 0.8196 0.8111 0.6781 0.8111 0.9557 0.8640
realAWSCloudwatch/ec2_cpu_utilization_ac20cd 0.6242 0.3776 0.6242 0.8607 0.8607 0.8607 0.8757 0.7673
realAWSCloudwatch/ec2_cpu_utilization_c6585a -0.1100 -0.2200 -0.1100 -0.2200 -0.4400 -0.2200 -0.4400 -0.3300
realAWSCloudwatch/ec2_cpu_utilization_fe7f93 -0.3338 -1.3224 -1.3338 0.2039 0.0939 -0.7961 -1.1228 0.4217
realAWSCloudwatch/ec2_disk_write_bytes_1ef3de 0.4673 0.0035 0.4673 0.4607 0.2406 0.4607 0.8121 0.6962
realAWSCloudwatch/ec2_disk_write_bytes_c0d644 0.2811 -0.3328 -0.7189 0.3370 0.3373 -0.6630 0.5007 0.3375
realAWSCloudwatch/ec2_network_in_257a54 0.7649 0.6799 0.7649 0.8571 0.8571 0.8571 0.8553 0.5307
realAWSCloudwatch/ec2_network_in_5abac7 1.0348 0.2706 1.0348 1.5438 1.3238 1.5438 -0.3197 1.6126
realAWSCloudwatch/elb_request_count_8c0756 1.3636 1.0336 1.3636 1.7160 1.7160 1.7160 1.7051 1.7965
realAWSCloudwatch/grok_asg_anomaly 2.2307 1.7907 2.2307 0.6291 0.4091 -0.3709 2.0896 0.6393
realAWSCloudwatch/iio_us-east-1_i-a2eb1cd9_NetworkIn -2.3300 -2.6600 -4.3300 -2.1100 -2.2200 -4.1100 -2.1100 -2.5500
realAWSCloudwatch/rds_cpu_utilization_cc0c53 1.4900 1.2715 1.4900 1.7231 1.7231 1.7231 -0.1420 -0.4684
realAWSCloudwatch/rds_cpu_utilization_e47b3b 1.4060 1.1143 1.4060 1.5071 1.5110 1.5071 1.7124 1.5031
realAdExchange/exchange-2_cpc_results 0.5320 0.2020 0.5320 0.8907 0.9424 0.8907 -1.2200 0.5362
realAdExchange/exchange-2_cpm_results -0.1447 -0.1447 -1.1447 -0.4637 -0.5716 -1.4637 1.5532 1.4244
realAdExchange/exchange-3_cpc_results 2.7008 2.7008 2.7008 2.4887 2.3787 2.4887 0.6409 2.3636
realAdExchange/exchange-3_cpm_results 0.6422 0.4223 0.6422 0.8621 0.8621 0.8621 -1.0000 0.2032
realAdExchange/exchange-4_cpc_results 2.0467 1.7167 2.0467 0.5123 0.2923 -0.4877 -1.3194 0.2504
realAdExchange/exchange-4_cpm_results 1.2575 0.9276 0.2575 1.6047 1.6047 0.6047 1.4427 1.1069
realKnownCause/ambient_temperature_system_failure 1.6577 1.5477 1.6577 -0.4286 -0.5386 -1.4286 1.3226 -0.7676
realKnownCause/cpu_utilization_asg_misconfiguration -0.2575 -1.4675 -0.2575 -0.1930 -0.9113 -0.1930 -0.5730 -1.1060
realKnownCause/ec2_request_latency_system_failure 1.3906 0.9679 1.3906 1.9906 1.9906 1.9906 1.9854 1.9259
realKnownCause/machine_temperature_system_failure 2.5563 1.5184 2.5563 1.6383 -0.1650 0.6383 2.8932 -2.8564
realKnownCause/nyc_taxi 3.7752 3.4452 3.7752 -1.4298 -1.3198 -4.4298 2.3419 0.2651
realKnownCause/rogue_agent_key_hold -1.2809 -2.0509 -2.2809 -0.9593 -1.1793 -1.9593 -0.8674 0.3005
realKnownCause/rogue_agent_key_updown -2.5677 -3.1353 -4.5677 -2.2200 -2.4400 -4.2200 -1.1858 0.4300
realTraffic/TravelTime_387 1.9285 1.6211 1.9285 2.1109 2.0007 2.1109 -1.5877 0.5383
realTraffic/TravelTime_451 0.8548 0.8548 0.8548 0.8614 0.8614 0.8614 0.5682 -1.4400
realTraffic/occupancy_6005 0.3603 -0.1601 0.3603 0.4214 0.6414 0.4214 0.6413 0.3113
realTraffic/occupancy_t4013 1.6145 1.5045 1.6145 1.7360 1.7360 1.7360 1.3950 -0.4163
realTraffic/speed_6005 0.8393 0.8393 0.8393 0.8595 -1.2200 0.8595 0.7293 0.1725
realTraffic/speed_7578 3.1077 2.6686 3.1077 3.1447 3.0340 3.1447 1.2365 1.2511
realTraffic/speed_t4013 1.6145 1.5045 1.6145 1.8763 1.8614 1.8763 1.9811 -0.4566
realTweets/Twitter_volume_AAPL 2.9161 2.2664 2.9161 1.5881 1.6981 0.5881 1.2096 2.4834
realTweets/Twitter_volume_AMZN 2.7366 1.9666 2.7366 -0.3886 -0.4986 -2.3886 0.9428 0.4897
realTweets/Twitter_volume_CRM 2.1007 1.5507 2.1007 2.5827 2.5827 2.5827 0.7196 1.3648
realTweets/Twitter_volume_CVS 1.8381 0.9581 1.8381 2.7104 2.7104 2.7104 2.3092 1.5916
realTweets/Twitter_volume_FB 1.2142 0.6642 1.2142 1.7205 1.7205 1.7205 1.3896 0.0099
realTweets/Twitter_volume_GOOG 1.4058 0.3059 1.4058 0.0497 -0.0603 -0.9503 -0.0417 0.8793
realTweets/Twitter_volume_IBM 0.7780 -0.2120 0.7780 1.2504 0.7794 1.2504 -0.0728 0.3835
realTweets/Twitter_volume_KO 2.2252 1.8952 2.2252 0.7209 0.7209 -0.2791 2.3526 1.0327
realTweets/Twitter_volume_PFE 2.5868 1.6868 2.5868 3.4570 3.5670 3.4570 2.6883 1.9204
realTweets/Twitter_volume_UPS 3.2138 2.1697 3.2138 2.1371 2.0461 1.1371 0.0563 -0.7208
"""


def published_rows() -> dict[str, tuple[float, ...]]:
    """File -> raw score of each of `COLUMNS`."""
    lines = (line.split() for line in RAW.strip().splitlines())
    return {f"{name}.csv": tuple(float(x) for x in scores) for name, *scores in lines}


def published_score(detector: str, profile: Profile, corpus: Sequence[Series]) -> float | None:
    """What a detector has, normalised, on these files; None where a file or profile is not among the published."""
    if (detector, profile) not in COLUMNS:
        return None
    column, rows = COLUMNS.index((detector, profile)), published_rows()
    if any(series.name not in rows for series in corpus):
        return None
    raw = sum(rows[series.name][column] for series in corpus)
    return normalised(raw, sum(len(series.windows) for series in corpus), profile)
