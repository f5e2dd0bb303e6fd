# One measurement, for bench/run: perl one.pl WORK DEPTH COUNT THREADS DIRECTORY
# Prints operations a second, CPU seconds, and the 99th percentile of the latency in microseconds (depth 1).

use strict;
use warnings;
$| = 1;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $start = clock_gettime(CLOCK_MONOTONIC);
require IO::AIO;
my $load = clock_gettime(CLOCK_MONOTONIC) - $start;
IO::AIO->import;

my ($work, $depth, $count, $threads, $dir) = @ARGV;
if ($threads) {
    IO::AIO::min_parallel($threads);
    IO::AIO::max_parallel($threads);
}
my $left = $count;
my @latency;

# Keeps `depth` requests going; each calls `submit` with its slot and its callback.
sub going {
    my ($submit) = @_;
    for my $slot (1 .. $depth) {
        my $next;
        $next = sub {
            return if $left-- <= 0;
            $submit->($slot, $next);
        };
        $next->();
    }
    IO::AIO::poll() while IO::AIO::nreqs();
}

my %work = (
    read => sub {
        open my $fh, '<:raw', "$dir/data" or die "$dir/data: $!";
        my $pages = int((-s $fh) / 4096);
        my @data = ('') x ($depth + 1);
        going(sub { IO::AIO::aio_read($fh, 4096 * int rand $pages, 4096, $data[$_[0]], 0, $_[1]) });
    },
    stat => sub {
        my $n = 0;
        going(sub { IO::AIO::aio_stat("$dir/files/" . $n++ % 1000, $_[1]) });
    },
    nop => sub { going(sub { IO::AIO::aio_nop($_[1]) }) },
    latency => sub {
        open my $fh, '<:raw', "$dir/data" or die "$dir/data: $!";
        my $pages = int((-s $fh) / 4096);
        my $data = '';
        while ($left-- > 0) {
            my $from = clock_gettime(CLOCK_MONOTONIC);
            IO::AIO::aio_read($fh, 4096 * int rand $pages, 4096, $data, 0, sub { });
            IO::AIO::poll() while IO::AIO::nreqs();
            push @latency, clock_gettime(CLOCK_MONOTONIC) - $from;
        }
    },
    load => sub {
        my ($n, @data) = (0);
        going(sub {
            my $name = sprintf '%s/tree/%03d/%03d', $dir, $n / 100 % 1000, $n % 100;
            $n++;
            IO::AIO::aio_load($name, $data[$_[0]], $_[1]);
        });
    },
    rmtree => sub { IO::AIO::aio_rmtree("$dir/doomed"); IO::AIO::flush() },
    tree => sub {
        my $seen = 0;
        # One for all: perl frees a hundred thousand closures in quadratic time (sv_del_backref), whoever calls them.
        my $see = sub { $seen++ };
        my $visit;
        $visit = sub {
            my ($path) = @_;
            IO::AIO::aio_scandir($path, 0, sub {
                my ($dirs, $files) = @_;
                for my $name (@$files) { IO::AIO::aio_lstat("$path/$name", $see) }
                $visit->("$path/$_") for @$dirs;
            });
        };
        $visit->("$dir/tree");
        IO::AIO::flush();
        die "$seen files instead of $count" unless $seen == $count;
    },
    anyevent => sub {
        local $ENV{PERL_ANYEVENT_IO_MODEL} = 'IOAIO';
        require AnyEvent::IO;
        require AnyEvent;
        my $done = AnyEvent->condvar;
        my $n = 0;
        my $next;
        $next = sub {
            return $done->end if $left-- <= 0;
            AnyEvent::IO::aio_stat("$dir/files/" . $n++ % 1000, $next);
        };
        $done->begin for 1 .. $depth;
        $next->() for 1 .. $depth;
        $done->recv;
    },
    coro => sub {
        require Coro;
        require Coro::AIO;
        open my $fh, '<:raw', "$dir/data" or die "$dir/data: $!";
        my $pages = int((-s $fh) / 4096);
        my @all = map Coro::async(sub {
            my $data = '';
            Coro::AIO::aio_read($fh, 4096 * int rand $pages, 4096, $data, 0) while $left-- > 0;
        }), 1 .. $depth;
        $_->join for @all;
    },
    memory => sub {
        IO::AIO::max_parallel(1);
        IO::AIO::aio_busy(3);
        IO::AIO::aio_nop() for 1 .. 1000; # what grows once
        my $rss = rss();
        IO::AIO::aio_busy(0) for 1 .. $count;
        printf "%.0f 0 0\n", (rss() - $rss) / $count;
        require POSIX;
        POSIX::_exit(0);
    },
    module => sub { printf "%.2f 0 0\n", $load * 1000; exit },
);

sub rss {
    open my $fh, '<', '/proc/self/statm' or die $!;
    return (split ' ', <$fh>)[1] * 4096;
}

my $begin = clock_gettime(CLOCK_MONOTONIC);
my @cpu = times;
($work{$work} or die "no work called $work\n")->();
my $time = clock_gettime(CLOCK_MONOTONIC) - $begin;
my @now = times;
@latency = sort { $a <=> $b } @latency;
printf "%.0f %.3f %.1f\n", $count / $time, $now[0] + $now[1] - $cpu[0] - $cpu[1],
    @latency ? 1e6 * $latency[$#latency * 0.99] : 0;
